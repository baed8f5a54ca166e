import { expect, it } from 'vitest';
import { dialogue } from '../testing/two-hosts.ts';

it('a server that hangs up without a word is an empty reply', () => {
  expect(dialogue('nc -N -l 82', 'curl -sS -m 2 10.0.0.2:82')).toMatchObject({ stdout: '=> 52\n', stderr: 'curl: (52) Empty reply from server\n' });
});
