/** curl_easy_strerror for the codes that are met here. */
export const CURL_ERRORS: Readonly<Record<number, string>> = {
  1: 'Unsupported protocol', 2: 'Failed initialization', 3: 'URL using bad/illegal format or missing URL', 6: "Couldn't resolve host name", 7: "Couldn't connect to server",
  18: 'Transferred a partial file', 22: 'HTTP response code said error', 23: 'Failed writing received data to disk/application', 28: 'Timeout was reached',
  45: 'Failed binding local connection end', 47: 'Number of redirects hit maximum amount', 49: 'Malformed option provided in a setopt', 52: 'Server returned nothing (no headers, no data)',
  55: 'Failed sending data to the peer', 56: 'Failure when receiving data from the peer',
};

/** A transfer has failed: a code of libcurl (curl(1), EXIT CODES), and its words. */
export class CurlError extends Error {
  readonly code: number;
  /** False when libcurl does not tell it as it goes (with -v), and curl(1) has only the code's own words. */
  readonly told: boolean;

  constructor(code: number, message?: string, told = message !== undefined) {
    super(message ?? CURL_ERRORS[code] ?? `error ${code}`);
    this.code = code;
    this.told = told;
  }
}
