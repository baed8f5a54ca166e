import type { NetDevice } from '../../net-device.ts';
import type { NetDeviceEvent } from '../../net-namespace.ts';
import { brFdbChangeaddr } from './bridge-fdb.ts';
import { brDelIf, brMtuAutoAdjust, brStpRecalculateBridgeId } from './bridge-if.ts';
import { brStpDisablePort, brStpEnablePort, netifOperUp } from './bridge-stp.ts';

/** What a bridge does when something happens to one of its ports (br_device_event). */
export function brDeviceEvent(event: NetDeviceEvent, dev: NetDevice): void {
  if (dev.portState === null) return;
  const { br } = dev.portState;
  switch (event) {
    case 'changemtu': return brMtuAutoAdjust(br);
    case 'changeaddr':
      brFdbChangeaddr(br, dev, dev.mac);
      if (brStpRecalculateBridgeId(br)) br.dev.ns.notify('changeaddr', br.dev);
      return;
    case 'carrier': return brPortCarrierCheck(dev);
    case 'down': return br.dev.up ? brStpDisablePort(dev) : undefined;
    case 'up': return br.dev.up && netifOperUp(dev) ? brStpEnablePort(dev) : undefined;
    case 'unregister': return brDelIf(br, dev);
    case 'register': case 'changename': return;
  }
}

/** br_port_carrier_check. */
function brPortCarrierCheck(dev: NetDevice): void {
  const { br } = dev.portState!;
  if (!br.dev.up) return;
  const works = dev.up && netifOperUp(dev);
  const disabled = dev.port!.state === 'disabled';
  if (works && disabled) brStpEnablePort(dev);
  else if (!works && !disabled) brStpDisablePort(dev);
}
