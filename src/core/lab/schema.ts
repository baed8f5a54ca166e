import * as v from 'valibot';
import { DROP_REASONS, type DropReason } from '../trace/drop-reason.ts';
import { STEP_KINDS } from '../trace/levels.ts';

/*
 * The lab and scenario file as it is written (docs/scenario-format.md). This schema checks shapes; what needs two places of the
 * file at once (does the machine exist?) is in check.ts. public/schema/scenario.schema.json is generated from it.
 */

/** The tables a beat may open. */
export const TABLE_NAMES = ['link', 'addr', 'route', 'rule', 'neigh', 'proxy', 'fdb', 'vlan', 'sysctl', 'xtrule', 'conntrack', 'socket', 'ipset'] as const;
/** What else a beat may open. */
export const PANEL_NAMES = ['packet', 'stack', 'tables', 'state', 'exchange', 'output', 'agents'] as const;

const describe = v.description;

const MachineName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/, 'A machine or switch name begins with a letter and goes on with letters, digits, “-”, “_” or “.”, at most 63 in all.'),
);
const Nic = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z][A-Za-z0-9_.-]*:[^\s/:]{1,15}$/, 'A NIC is written machine:device, as in node1:eth0.'),
);
const Place = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z][A-Za-z0-9_.-]*(\/[^\s/:]+)?(:[^\s/:]{1,15})?$/, 'A place is written machine, machine/netns, machine:device or machine/netns:device, as in node1/ns1:veth11.'),
);
const Device = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z][A-Za-z0-9_.-]*(\/[^\s/:]+)?:[^\s/:]{1,15}$/, 'A device is written machine:device or machine/netns:device, as in node1/ns1:veth11.'),
);
const Seconds = v.pipe(v.number(), v.minValue(0, 'A time cannot be negative.'), v.maxValue(1_000_000, 'That is more than a million seconds.'));
const Text = v.string();
const Scalar = v.union([v.string(), v.number(), v.boolean()]);
const Command = v.pipe(v.string(), v.check((text) => text.trim() !== '', 'The command is empty.'));

export const CableSchema = v.pipe(v.strictTuple([Nic, Nic]), describe('A cable between two NICs.'));
export const SwitchSchema = v.pipe(
  v.strictObject({
    switch: v.pipe(MachineName, describe('Name of the ideal learning switch.')),
    ports: v.pipe(v.array(Nic), v.minLength(1, 'A switch needs at least one port.'), describe('The NICs plugged into it.')),
  }),
  describe('An ideal learning switch: no spanning tree, no snooping, not recorded.'),
);

export const MachineSchema = v.nullable(
  v.strictObject({
    setup: v.pipe(v.optional(Text, ''), describe('Shell commands, run as bash -e in the machine’s root namespace before the first step.')),
    timeout: v.pipe(v.optional(Seconds, 60), describe('Seconds the setup may take.')),
    ipv6: v.pipe(v.optional(v.boolean()), describe('Overrides the lab’s ipv6 for this machine.')),
    br_netfilter: v.pipe(v.optional(v.boolean()), describe('Overrides the lab’s br_netfilter for this machine.')),
  }),
);

export const KnobSchema = v.strictObject({
  id: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]*$/, 'A knob’s id is made of small letters, digits and “-”.')),
  label: Text,
  on: v.pipe(MachineName, describe('Machine whose root namespace runs the commands.')),
  set: v.pipe(Command, describe('Command that turns it on.')),
  unset: v.pipe(Command, describe('Command that turns it off again.')),
});

export const ExpectSchema = v.strictObject({
  exit: v.pipe(v.optional(v.pipe(v.number(), v.integer('An exit code is a whole number.'), v.minValue(0), v.maxValue(255))), describe('Exit code of the command.')),
  stdout: v.pipe(v.optional(Text), describe('Regular expression that must match somewhere in the standard output; ^ and $ match at every line.')),
  delivered: v.pipe(v.optional(Place), describe('A packet must be delivered to a local protocol or program at this place.')),
  dropped: v.pipe(
    v.optional(v.strictObject({ reason: v.picklist(Object.keys(DROP_REASONS) as DropReason[]), at: v.optional(Place) })),
    describe('A packet must be dropped for this reason (Linux’s name), and here.'),
  ),
  frames: v.pipe(
    v.optional(v.array(v.strictObject({ at: Device, count: v.pipe(v.number(), v.integer('A count is a whole number.'), v.minValue(0)) }))),
    describe('How many frames are recorded at a device in this step, in both directions together.'),
  ),
  rows: v.pipe(
    v.optional(v.array(v.strictObject({
      table: v.pipe(v.string(), v.regex(/^[^\s#]+#[a-z]+$/, 'A table is written place#name, as in node1/ns1#neigh.')),
      match: v.record(v.string(), Scalar),
    }))),
    describe('After the step the table has a row with these fields, named as the JSON of ip(8) and bridge(8) names them.'),
  ),
});

export const PatternSchema = v.strictObject({
  kind: v.pipe(v.picklist(STEP_KINDS), describe('Kind of the trace step.')),
  place: v.pipe(v.optional(Place), describe('Where: node1, node1/ns1, or node1/ns1:veth11.')),
  nth: v.pipe(v.optional(v.pipe(v.number(), v.integer('nth is a whole number.'), v.minValue(1, 'nth counts from 1.')), 1), describe('Which occurrence, counted from the beat before.')),
  where: v.pipe(v.optional(v.record(v.string(), Scalar)), describe('Further fields that must be equal: of the step (reason, verdict, to ...) or of its packet (arp.op, icmp.type, ipv4.ttl ...).')),
});

export const AskSchema = v.strictObject({
  question: Text,
  options: v.pipe(v.array(Text), v.minLength(2, 'A question needs at least two options.')),
  answer: v.pipe(v.number(), v.integer('answer is the number of an option.'), v.minValue(1, 'answer counts the options from 1.'), describe('Number of the right option, counted from 1.')),
  why: v.pipe(v.optional(Text, ''), describe('Markdown shown after the answer.')),
});

export const BeatSchema = v.strictObject({
  at: v.pipe(v.union([v.picklist(['start', 'end']), PatternSchema]), describe('The moment: the start or the end of the step, or the first trace step after the beat before that fits.')),
  say: v.pipe(Text, describe('Markdown.')),
  ask: v.optional(AskSchema),
  show: v.pipe(v.optional(v.picklist([...TABLE_NAMES, ...PANEL_NAMES])), describe('Table or panel to open.')),
});

export const StepSchema = v.strictObject({
  note: v.pipe(v.optional(Text, ''), describe('Free text.')),
  on: v.pipe(v.optional(MachineName), describe('Machine whose root namespace runs the command.')),
  run: v.pipe(v.optional(Command), describe('Shell commands, run as bash -c in /tmp with an empty standard input.')),
  sleep: v.pipe(v.optional(Seconds), describe('Just wait that many seconds.')),
  at: v.pipe(v.optional(Seconds), describe('Start no earlier than this, in seconds from the start of the setups.')),
  timeout: v.pipe(v.optional(Seconds, 30), describe('Seconds the command may take.')),
  settle: v.pipe(v.optional(Seconds, 0), describe('Stay in the step that many seconds after the command ended.')),
  expect: v.optional(ExpectSchema),
  beats: v.optional(v.array(BeatSchema), []),
});

export const ScenarioSchema = v.pipe(
  v.strictObject({
    id: v.pipe(v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'An id is made of letters, digits, “-”, “_” and “.”.'))), describe('The file’s name without .yaml.')),
    title: v.pipe(v.optional(Text, ''), describe('One line.')),
    chapter: v.pipe(v.optional(Text, ''), describe('Folder of the gallery.')),
    summary: v.pipe(v.optional(Text, ''), describe('One sentence for the gallery.')),
    sources: v.optional(v.array(v.strictObject({ title: Text, url: v.pipe(Text, v.regex(/^https?:\/\/\S+$/, 'A source’s url begins with http:// or https://.')) })), []),
    ipv6: v.pipe(v.optional(v.boolean(), false), describe('False: nothing IPv6 is on any device.')),
    br_netfilter: v.pipe(v.optional(v.boolean(), false), describe('True: bridged frames pass iptables, as on a host with br_netfilter loaded.')),
    igmp: v.pipe(v.optional(v.boolean(), false), describe('True: keep IGMP frames in recordings.')),
    offload: v.pipe(v.optional(v.boolean(), false), describe('True: leave segmentation offload on.')),
    ignore: v.pipe(
      v.optional(v.array(v.pipe(v.string(), v.regex(/^[a-z0-9]+(\/\d{1,5})?$/, 'Write a protocol, or protocol/port, as in tcp/179.'))), []),
      describe('Frames left out of recordings.'),
    ),
    settle: v.pipe(v.optional(Seconds, 1.2), describe('Seconds to wait after all setups, then until it is quiet.')),
    trace: v.pipe(v.optional(v.boolean(), false), describe('True: also record the walk through iptables on the real kernel.')),
    seed: v.pipe(v.optional(v.pipe(v.number(), v.integer('A seed is a whole number.'), v.minValue(0), v.maxValue(0xffff_ffff)), 1), describe('Seed of everything that Linux randomises.')),
    machines: v.pipe(v.record(MachineName, MachineSchema), describe('The computers, in order; each has its own kernel state and hostname.')),
    links: v.pipe(v.optional(v.array(v.union([CableSchema, SwitchSchema])), []), describe('Cables and switches; the NICs exist, down, before the setups run.')),
    knobs: v.pipe(v.optional(v.array(KnobSchema), []), describe('Settings that a reader may turn.')),
    steps: v.pipe(v.optional(v.array(StepSchema), []), describe('What happens, in order.')),
  }),
  v.title('Hopscope lab and scenario'),
  describe('Machines, cables, the command lines that configure them, what happens, and the story told about it.'),
);

export type ScenarioFile = v.InferOutput<typeof ScenarioSchema>;
