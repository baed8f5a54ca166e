import type { NetDevice } from '../../net-device.ts';
import { brIfinfoNotify } from '../../netlink/rtmsg.ts';
import type { NetDeviceEvent } from '../../net-namespace.ts';
import { brFdbChangeaddr } from './bridge-fdb.ts';
import { brChangeaddr, brDelIf, brMtuAutoAdjust, brStpRecalculateBridgeId } from './bridge-if.ts';
import { brStpDisablePort, brStpEnablePort, netifOperUp } from './bridge-stp.ts';

/** What a bridge does when something happens to one of its ports (br_device_event). */
export function brDeviceEvent(event: NetDeviceEvent, dev: NetDevice): void {
  if (dev.portState === null) return;
  const { br } = dev.portState;
  switch (event) {
    case 'changemtu': return brMtuAutoAdjust(br);
    case 'changeaddr':
      brFdbChangeaddr(br, dev, dev.mac);
      if (brStpRecalculateBridgeId(br)) brChangeaddr(br);
      return brIfinfoNotify(dev);
    case 'carrier': case 'down': case 'up':
      if (!(br.dev.up && followState(event, dev))) brIfinfoNotify(dev);
      return;
    case 'unregister': return brDelIf(br, dev);
    case 'register': case 'changename': return;
  }
}

/** The port begins or ceases to forward. True when that was told of. */
function followState(event: 'carrier' | 'down' | 'up', dev: NetDevice): boolean {
  const works = event !== 'down' && dev.up && netifOperUp(dev);
  // br_port_carrier_check
  if (event === 'carrier' && works !== (dev.port!.state === 'disabled')) return false;
  if (event === 'up' && !works) return false;
  if (works) brStpEnablePort(dev);
  else brStpDisablePort(dev);
  return true;
}
