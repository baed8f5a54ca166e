import { parseLab, runLab } from '../src/core/index.ts';
import { labOf, TWO_PODS_SETUP } from './labs.ts';

// Prints the milliseconds that the first lab of a process takes: nothing is compiled yet.
const text = labOf(TWO_PODS_SETUP, 'ip netns exec ns1 ping -q -c 1 -W 1 192.168.1.2\n');
const began = performance.now();
const result = parseLab(text);
if (!result.ok || runLab(result.lab).steps[0]?.exit !== 0) throw new Error('the lab failed');
console.log(performance.now() - began);
