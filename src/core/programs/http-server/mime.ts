/** Types by extension, as mimetypes.guess_type of Debian's Python 3.11 knows them with its /etc/mime.types; the common ones. */
const TYPES = `
text/plain txt text asc|text/html html htm|application/xhtml+xml xhtml|text/css css|text/javascript js mjs|application/json json|application/xml xml|image/svg+xml svg
image/png png|image/jpeg jpg jpeg|image/gif gif|image/vnd.microsoft.icon ico|image/webp webp|image/bmp bmp|image/tiff tiff tif|image/avif avif|audio/mpeg mp3
video/mp4 mp4|audio/mp4 m4a|video/mpeg mpeg mpg|video/webm webm|audio/ogg ogg|audio/x-wav wav|audio/flac flac|video/x-msvideo avi|video/quicktime mov
video/x-matroska mkv|application/pdf pdf|application/zip zip|application/x-tar tar|application/x-7z-compressed 7z|application/vnd.rar rar|application/java-archive jar
application/vnd.debian.binary-package deb|application/x-redhat-package-manager rpm|application/x-iso9660-image iso|text/x-sh sh|text/x-python py|text/x-perl pl|text/x-csrc c
text/x-chdr h|text/x-c++src cpp cc|text/x-c++hdr hpp|text/x-java java|application/rls-services+xml rs|application/x-ruby rb|text/csv csv|text/tab-separated-values tsv
text/markdown md markdown|application/vnd.tcpdump.pcap pcap cap|application/sql sql|application/postscript ps|application/rtf rtf|application/msword doc
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx|application/vnd.ms-excel xls|application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.oasis.opendocument.text odt|font/ttf ttf|font/otf otf|font/woff woff|font/woff2 woff2|application/wasm wasm|application/x-msdos-program exe dll
application/x-object o|text/vnd.a a|application/gzip gz tgz|application/x-xz xz txz|application/x-bzip2 bz2|text/vnd.trolltech.linguist ts|text/calendar ics|text/vcard vcf
text/x-tex tex|message/rfc822 eml|text/x-diff patch diff`;

const BY_EXTENSION = new Map(TYPES.trim().split(/[|\n]/).flatMap((entry) => {
  const [type, ...extensions] = entry.split(' ');
  return extensions.map((extension) => [extension, type!] as const);
}));
BY_EXTENSION.set('tgz', 'application/x-tar').set('txz', 'application/x-tar').set('asc', 'application/pgp-keys');

/** The type of a file by its name. */
export function guessType(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/^\.+/, '');
  const dot = name.lastIndexOf('.');
  return (dot < 0 ? undefined : BY_EXTENSION.get(name.slice(dot + 1).toLowerCase())) ?? 'application/octet-stream';
}
