import { HOOKS, stackView, type HookName, type Lit } from '../../store/stack-view.ts';
import { useNow } from '../player/player-context.ts';

const AT: Readonly<Record<HookName, readonly [x: number, y: number, width: number]>> = {
  PREROUTING: [0, 0, 66], OUTPUT: [0, 26, 66], FORWARD: [88, 13, 54], INPUT: [164, 0, 66], POSTROUTING: [164, 26, 66],
};
const HEIGHT = 17;
/** Ways between hooks: from, to, and the line between their boxes. */
const WAYS: readonly (readonly [HookName, HookName, string])[] = [
  ['PREROUTING', 'FORWARD', 'M66 8L88 18'], ['FORWARD', 'POSTROUTING', 'M142 24L164 34'], ['PREROUTING', 'INPUT', 'M66 5H164'], ['OUTPUT', 'POSTROUTING', 'M66 38H164'],
];

/** The five hooks in a stack's box of the map: where the packet has been, and where it is. */
export default function HookMap({ place }: { readonly place: string }) {
  const lit = useNow((run, seq, state) => {
    const view = stackView(run, state, place, seq);
    return [...HOOKS.map((name) => view.hooks[name].lit), view.routing.input.lit || view.routing.output.lit].join(',');
  }, ',,,,,');
  const states = lit.split(',') as Lit[];
  const of = (name: HookName): Lit => states[HOOKS.indexOf(name)]!;
  return (
    <svg className="hook-map" viewBox="-1 -1 232 46" width="232" height="46">
      {WAYS.map(([from, to, d]) => (
        <path key={d} d={d} className={of(from) !== '' && of(to) !== '' ? 'passed' : ''} />
      ))}
      <path className={`decision ${states[5]}`} d="M77 8l5 5l-5 5l-5 -5z" />
      {(Object.entries(AT) as [HookName, readonly [number, number, number]][]).map(([name, [x, y, width]]) => (
        <g key={name} className={of(name)}>
          <rect x={x} y={y} width={width} height={HEIGHT} rx={4} />
          <text x={x + width / 2} y={y + 12}>
            {name}
          </text>
        </g>
      ))}
    </svg>
  );
}
