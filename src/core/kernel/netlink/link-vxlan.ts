import { KernelError } from '../errno.ts';
import type { NetDevice } from '../net-device.ts';
import type { NetNamespace } from '../net-namespace.ts';
import type { NewLinkRequest } from './requests.ts';

export function newVxlan(_ns: NetNamespace, _target: NetNamespace, _request: NewLinkRequest): NetDevice {
  throw new KernelError('EOPNOTSUPP');
}
