/**
 * The counters that a record has: those that tell what became of a packet. The rest say how busy this computer is, or belong to what
 * is not simulated. Tcp.AttemptFails is one of those: where the ICMP error comes back within the very call of connect(2), as between namespaces of
 * one computer, the kernel takes it for a soft error (LockDroppedIcmps) and does not count it.
 */
const RECORDED = new Set([
  ...of('Ip', 'InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout'),
  ...of('Ip', 'ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates'),
  ...of('Icmp', 'InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InRedirects InEchos InEchoReps OutMsgs OutErrors'),
  ...of('Icmp', 'OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutRedirects OutEchos OutEchoReps'),
  ...of('Tcp', 'ActiveOpens PassiveOpens EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors'),
  ...of('Udp', 'InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors'),
  ...of('TcpExt', 'EmbryonicRsts OutOfWindowIcmps PAWSActive PAWSEstab ListenOverflows ListenDrops IPReversePathFilter TCPAbortOnData TCPAbortOnClose'),
  ...of('TcpExt', 'TCPAbortOnTimeout TCPAbortOnLinger TCPTimeouts TCPSynRetrans TCPFastRetrans TCPReqQFullDrop TCPChallengeACK TCPSYNChallenge'),
  ...of('IpExt', 'InNoRoutes InTruncatedPkts InBcastPkts OutBcastPkts ReasmOverlaps'),
]);

function of(block: string, names: string): string[] {
  return names.split(' ').map((name) => `${block}.${name}`);
}

/** `Ip.InReceives 5`: the counters that are not zero, of the text of /proc/net/snmp and /proc/net/netstat, in its order. */
export function counterLines(text: string): string {
  const rows = text.split('\n').filter((line) => line !== '').map((line) => line.split(' '));
  const lines: string[] = [];
  for (let i = 0; i + 1 < rows.length; i += 2) {
    const [names, values] = [rows[i]!, rows[i + 1]!];
    const block = names[0]!.replace(':', '');
    names.forEach((name, column) => {
      if (values[column] !== '0' && RECORDED.has(`${block}.${name}`)) lines.push(`${block}.${name} ${values[column]}\n`);
    });
  }
  return lines.join('');
}
