export const VERSION = 'conntrack v1.4.7 (conntrack-tools)';

const SECTIONS: readonly (readonly [title: string, lines: readonly (readonly [option: string, help: string])[]])[] = [
  ['Commands', [
    ['-L [table] [options]', '\tList conntrack or expectation table'], ['-G [table] parameters', '\tGet conntrack or expectation'],
    ['-D [table] parameters', '\tDelete conntrack or expectation'], ['-I [table] parameters', '\tCreate a conntrack or expectation'],
    ['-U [table] parameters', '\tUpdate a conntrack'], ['-E [table] [options]', '\tShow events'], ['-F [table]', '\t\tFlush table'],
    ['-C [table]', '\t\tShow counter'], ['-S', '\t\t\tShow statistics'],
  ]],
  ['Conntrack parameters and options', [
    ['-n, --src-nat ip', '\t\tsource NAT ip'], ['-g, --dst-nat ip', '\t\tdestination NAT ip'], ['-j, --any-nat ip', '\t\tsource or destination NAT ip'],
    ['-m, --mark mark', '\t\tSet mark'], ['-c, --secmark secmark', '\t\tSet selinux secmark'], ['-e, --event-mask eventmask', '\tEvent mask, eg. NEW,DESTROY'],
    ['-z, --zero ', '\t\t\tZero counters while listing'], ['-o, --output type[,...]', '\tOutput format, eg. xml'], ['-l, --label label[,...]', '\tconntrack labels'],
  ]],
  ['Expectation parameters and options', [['--tuple-src ip', 'Source address in expect tuple'], ['--tuple-dst ip', 'Destination address in expect tuple']]],
  ['Updating parameters and options', [['--label-add label', 'Add label'], ['--label-del label', 'Delete label']]],
  ['Common parameters and options', [
    ['-s, --src, --orig-src ip', '\tSource address from original direction'], ['-d, --dst, --orig-dst ip', '\tDestination address from original direction'],
    ['-r, --reply-src ip', '\tSource addres from reply direction'], ['-q, --reply-dst ip', '\tDestination address from reply direction'],
    ['-p, --protonum proto', "\tLayer 4 Protocol, eg. 'tcp'"], ['-f, --family proto', "\tLayer 3 Protocol, eg. 'ipv6'"], ['-t, --timeout timeout', '\tSet timeout'],
    ['-u, --status status', '\tSet status, eg. ASSURED'], ['-w, --zone value', '\tSet conntrack zone'], ['--orig-zone value', '\tSet zone for original direction'],
    ['--reply-zone value', '\tSet zone for reply direction'], ['-b, --buffer-size', '\tNetlink socket buffer size'], ['--mask-src ip', '\tSource mask address'],
    ['--mask-dst ip', '\tDestination mask address'],
  ]],
];

/** What `conntrack -h` prints. */
export function usage(): string {
  const parts = SECTIONS.map(([title, lines], i) => {
    const text = lines.map(([option, help]) => `  ${option}\t${help}\n`).join('');
    return `${title}:\n${text}${i === 0 ? '\nTables: conntrack, expect, dying, unconfirmed\n' : ''}`;
  });
  return `Command line interface for the connection tracking system. Version 1.4.7\nUsage: conntrack [commands] [options]\n\n${parts.join('\n')}\n`;
}
