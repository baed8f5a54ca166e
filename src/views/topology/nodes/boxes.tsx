import { lazy, Suspense } from 'react';
import { formatIpv4, type AddrRow, type LinkRow, type State } from '../../../core/index.ts';
import { endOf, endText, tableOf } from '../../../store/topology.ts';
import type { Run } from '../../../store/player.ts';
import { sceneAt } from '../../../store/scene.ts';
import { useNow, usePlayer, usePlayerState } from '../../player/player-context.ts';
import type { Box } from '../layout/geometry.ts';
import { HOOKED_STACK } from '../layout/sizes.ts';

const HookMap = lazy(() => import('../../stack/HookMap.tsx'));

/** What every node of the map gets: its box. React Flow's own props are not used. */
export interface BoxProps {
  readonly data: { readonly box: Box };
}

function placeOfBox(box: Box): { place: string; device: string } {
  const [place, device = ''] = box.id.replace(/@stack$/, '').split(':') as [string, string?];
  return { place, device };
}

function useLit(id: string): boolean {
  return useNow((run, seq) => sceneAt(run.scenes, seq).lit.has(id), false);
}

function linkRow(state: State, place: string, device: string): LinkRow | null {
  for (const row of tableOf<LinkRow>(state, place, 'link').values()) if (row.name === device) return row;
  return null;
}

function addressesOf(state: State, place: string, ifindex: number): string[] {
  return [...tableOf<AddrRow>(state, place, 'addr').values()].filter((row) => row.ifindex === ifindex).map((row) => `${formatIpv4(row.local)}/${row.prefixLength}`);
}

/** Text of a namespace's address lines; `dev address` when it has several devices. */
function addressLines(state: State, place: string, withDevice: boolean): string {
  const lines: string[] = [];
  for (const row of tableOf<LinkRow>(state, place, 'link').values()) {
    if (row.kind === 'loopback') continue;
    for (const address of addressesOf(state, place, row.ifindex)) lines.push(withDevice ? `${row.name} ${address}` : address);
  }
  return lines.join('\n');
}

/** `up`, `down` (switched off), `no carrier` (the other end is), or `gone` when the device does not exist at this moment. */
type DeviceState = 'up' | 'down' | 'no carrier' | 'gone';
function deviceState(state: State, place: string, device: string): DeviceState {
  const row = linkRow(state, place, device);
  if (!row) return 'gone';
  if (!row.up) return 'down';
  return row.carrier ? 'up' : 'no carrier';
}

function useSelect(box: Box): { selected: boolean; onClick: () => void } {
  const player = usePlayer();
  const { place, device } = placeOfBox(box);
  const selected = usePlayerState(({ selection }) => (selection?.kind === 'device' ? selection.place === place && selection.device === device : selection?.kind === 'namespace' && device === '' && selection.place === place));
  return { selected, onClick: () => player.select(device === '' ? { kind: 'namespace', place } : { kind: 'device', place, device }) };
}

export function MachineBox({ data: { box } }: BoxProps) {
  return (
    <div className="map-machine">
      <span className="map-title">{box.id}</span>
    </div>
  );
}

export function NamespaceBox({ data: { box } }: BoxProps) {
  const { place } = placeOfBox(box);
  const lit = useLit(`${place}@stack`);
  const several = usePlayerState(({ run }) => [...(run?.topology.devices.values() ?? [])].filter((device) => box.id === (device.netns === '' ? device.machine : `${device.machine}/${device.netns}`)).length > 1);
  const lines = useNow((_run, _seq, state) => addressLines(state, place, several), '');
  const exists = useNow((_run, _seq, state) => tableOf(state, place, 'link').size > 0, true);
  const { selected, onClick } = useSelect(box);
  return (
    <div className={`map-namespace${lit ? ' lit' : ''}${selected ? ' selected' : ''}${exists ? '' : ' gone'}`} onClick={onClick} data-place={place}>
      <span className="map-title">{place.split('/')[1]}</span>
      {lines.split('\n').map((line) => (
        <span key={line} className="map-address">
          {line}
        </span>
      ))}
    </div>
  );
}

export function StackBox({ data: { box } }: BoxProps) {
  const { place } = placeOfBox(box);
  const lit = useLit(box.id);
  const { selected, onClick } = useSelect(box);
  const fn = useNow((run, seq) => (sceneAt(run.scenes, seq).lit.has(box.id) ? (run.trace.steps[seq]?.fn ?? '') : ''), '');
  const forwards = useNow((_run, _seq, state) => tableOf<{ value: string }>(state, place, 'sysctl').get('net.ipv4.ip_forward')?.value === '1', false);
  return (
    <div className={`map-stack${lit ? ' lit' : ''}${selected ? ' selected' : ''}`} onClick={onClick} data-place={`${place}@stack`}>
      {/* The packet lies below the first line, so there is room for one. */}
      {fn === '' && <span className="map-name">IP stack</span>}
      <span className="map-address">{fn !== '' ? fn : forwards ? 'ip_forward = 1' : 'ip_forward = 0'}</span>
      {box.height === HOOKED_STACK.height ? <Suspense><HookMap place={place} /></Suspense> : null}
    </div>
  );
}

interface DeviceLook {
  readonly device: string;
  readonly state: DeviceState;
  readonly address: string;
  readonly onClick: () => void;
  /** lit, selected, and the state, as class names. */
  readonly look: string;
}

function useDevice(box: Box): DeviceLook {
  const { place, device } = placeOfBox(box);
  const lit = useLit(box.id);
  const state = useNow((_run, _seq, tables) => deviceState(tables, place, device), 'up' as DeviceState);
  const address = useNow((_run, _seq, tables) => addressesOf(tables, place, linkRow(tables, place, device)?.ifindex ?? -1).join(' '), '');
  const { selected, onClick } = useSelect(box);
  return { device, state, address, onClick, look: `${lit ? 'lit ' : ''}${selected ? 'selected ' : ''}${state.replace(' ', '-')}` };
}

export function BridgeBox({ data: { box } }: BoxProps) {
  const { device, state, address, onClick, look } = useDevice(box);
  // What is wrong with it matters more than what it is, and the bar is no longer than its words.
  const kind = state === 'up' || state === 'gone' ? 'bridge' : state;
  const words = address === '' ? kind : `${kind} · ${address}`;
  return (
    <div className={`map-bridge ${look}`} onClick={onClick} data-place={box.id} title={`${device}: ${words}`}>
      <span className="map-name">{device}</span> <span className="map-address">{words}</span>
    </div>
  );
}

export function DeviceBox({ data: { box } }: BoxProps) {
  const { device, state, onClick, look } = useDevice(box);
  const tunnel = usePlayerState(({ run }) => (run?.topology.devices.get(box.id)?.tunnel ?? null) !== null);
  return (
    <div className={`map-device ${tunnel ? 'map-vtep ' : ''}${look}`} onClick={onClick} data-place={box.id} title={state === 'up' ? device : `${device}: ${state}`}>
      {device}
    </div>
  );
}

/** The namespace of its machine that a NIC has been moved into, '' for none. */
function movedTo(run: Run, state: State, place: string, device: string): string {
  const machine = place.split('/')[0]!;
  const found = run.topology.machines.find(({ name }) => name === machine)?.namespaces.find(({ id }) => id !== place && linkRow(state, id, device)?.kind === 'nic');
  return found?.name ?? '';
}

export function NicBox({ data: { box } }: BoxProps) {
  const { device, state, address, onClick, look } = useDevice(box);
  const { place } = placeOfBox(box);
  const moved = useNow((run, _seq, tables) => (deviceState(tables, place, device) === 'gone' ? movedTo(run, tables, place, device) : ''), '');
  return (
    <div className={`map-nic ${moved === '' ? look : 'moved'}`} onClick={onClick} data-place={box.id}>
      <span className="map-name">{device}</span>
      <span className="map-address">{moved !== '' ? `in ${moved}` : address !== '' ? address : state === 'up' ? 'no address' : state}</span>
    </div>
  );
}

function networkText(row: LinkRow | null): string {
  const end = row ? endOf(row) : null;
  return end ? endText(end) : '';
}

/** The end of a tunnel: its network, and the address that it has itself. */
export function VtepBox({ data: { box } }: BoxProps) {
  const { device, state, address, onClick, look } = useDevice(box);
  const { place } = placeOfBox(box);
  const network = useNow((_run, _seq, tables) => networkText(linkRow(tables, place, device)), '');
  const trouble = state === 'up' || state === 'gone' ? '' : ` · ${state}`;
  const own = address === '' ? '' : ` · ${address.split(' ')[0]!.replace(/\/.*/, '')}`;
  const text = `${network}${trouble === '' ? own : trouble}`;
  return (
    <div className={`map-nic map-vtep ${look}`} onClick={onClick} data-place={box.id} title={`${device}: ${text}`}>
      <span className="map-name">{device}</span>
      <span className="map-address">{text}</span>
    </div>
  );
}

export function SwitchBox({ data: { box } }: BoxProps) {
  const lit = useLit(box.id);
  return (
    <div className={`map-bridge map-switch${lit ? ' lit' : ''}`} data-place={box.id}>
      <span className="map-name">{box.id}</span> <span className="map-address">switch</span>
    </div>
  );
}
