import { netifCarrierOff, netifCarrierOn } from '../../linkwatch.ts';
import { commitLink, type NetDevice } from '../../net-device.ts';
import { brIfinfoNotify } from '../../netlink/rtmsg.ts';
import type { BridgePortOptions } from '../../rows.ts';
import { brFdbDeleteByPort } from './bridge-fdb.ts';
import type { BridgeState } from './bridge-state.ts';

/** netif_oper_up: a device that never said how it is counts as up. */
export function netifOperUp(dev: NetDevice): boolean {
  return dev.operstate === 'UP' || dev.operstate === 'UNKNOWN';
}

/** br_set_state. */
export function brSetState(port: NetDevice, state: BridgePortOptions['state']): void {
  if (port.port!.state === state) return;
  port.port = { ...port.port!, state };
  commitLink(port);
}

/**
 * Without a spanning tree every port that is not disabled forwards at once, and the bridge has carrier when one does
 * (br_port_state_selection, br_make_forwarding).
 */
export function brPortStateSelection(br: BridgeState): void {
  let live = 0;
  for (const port of br.portList) {
    if (port.port!.state === 'blocking') {
      brSetState(port, 'forwarding');
      brIfinfoNotify(port);
    }
    if (port.port!.state === 'forwarding') live++;
  }
  if (live === 0) netifCarrierOff(br.dev);
  else netifCarrierOn(br.dev);
}

/** br_stp_enable_port. */
export function brStpEnablePort(port: NetDevice): void {
  const { br } = port.portState!;
  brSetState(port, 'blocking');
  brPortStateSelection(br);
  brIfinfoNotify(port);
}

/** br_stp_disable_port: what was learned at the port is forgotten. */
export function brStpDisablePort(port: NetDevice): void {
  const { br } = port.portState!;
  brSetState(port, 'disabled');
  brIfinfoNotify(port);
  brFdbDeleteByPort(br, port, 0, false);
  brPortStateSelection(br);
}

/** The bridge comes up: its ports that work begin to forward (br_stp_enable_bridge). */
export function brStpEnableBridge(br: BridgeState): void {
  for (const port of br.portList) if (port.up && netifOperUp(port)) brStpEnablePort(port);
}

/** br_stp_disable_bridge. */
export function brStpDisableBridge(br: BridgeState): void {
  for (const port of br.portList) if (port.port!.state !== 'disabled') brStpDisablePort(port);
}
