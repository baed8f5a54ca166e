import type { XtTarget } from '../../../kernel/netfilter/xtables/xt-rule.ts';
import { type Instance, type OptionCall, type OptionDef, uintOption } from '../extension.ts';
import type { TargetKind } from '../kind.ts';
import { type MarkMask, UINT32_MAX, hex, parseMarkMask } from '../numbers.ts';
import { fail } from '../xtables-error.ts';

type Mark = Extract<XtTarget, { name: 'MARK' }>;
type Connmark = Extract<XtTarget, { name: 'CONNMARK' }>;

const SETTERS = ['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark'];

/** What `--set-mark` and its kin do, as (mark & ~mask) ^ mark. */
function setter(call: OptionCall): MarkMask {
  if (call.id === 'set-xmark' || call.id === 'set-mark') {
    const { mark, mask } = parseMarkMask(call.arg, call.extension, call.option);
    return { mark, mask: call.id === 'set-mark' ? (mask | mark) >>> 0 : mask };
  }
  const value = uintOption(call, 0, UINT32_MAX);
  if (call.id === 'and-mark') return { mark: 0, mask: ~value >>> 0 };
  return { mark: value, mask: call.id === 'or-mark' ? value : 0 };
}

function setText(mark: number, mask: number): string {
  if (mark === 0) return `and ${hex(~mask >>> 0)}`;
  if (mark === mask) return `or ${hex(mark)}`;
  if (mask === 0) return `xor ${hex(mark)}`;
  return mask === UINT32_MAX ? `set ${hex(mark)}` : `xset ${hex(mark)}/${hex(mask)}`;
}

const exclusive = (names: readonly string[], others: readonly string[]): OptionDef[] =>
  names.map((name) => ({ name, arg: name.endsWith('mark') && !/^(save|restore)/.test(name), excl: others.filter((other) => other !== name) }));

/** libxt_MARK. */
export const MARK: TargetKind<'MARK'> = {
  extension: {
    name: 'MARK', options: exclusive(SETTERS, SETTERS),
    begin: () => {
      let target: Mark | null = null;
      return {
        option(call) {
          const { mark, mask } = setter(call);
          target = { name: 'MARK', value: mark, mask };
        },
        check(seen) { if (seen.size === 0) fail('MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required'); },
        finish() { return target; },
      };
    },
  },
  save: ({ value, mask }) => ` --set-xmark ${hex(value)}/${hex(mask)}`,
  print: ({ value, mask }) => ` MARK ${setText(value, mask)}`,
};

const OPERATIONS = [...SETTERS, 'save-mark', 'restore-mark'];

function beginConnmark(): Instance<Connmark> {
  let mode: Connmark['mode'] = 'set';
  let ctmark = 0;
  let [ctmask, nfmask] = [UINT32_MAX, UINT32_MAX];
  return {
    option(call) {
      if (call.id === 'save-mark') mode = 'save';
      else if (call.id === 'restore-mark') mode = 'restore';
      else if (call.id === 'ctmask') ctmask = uintOption(call, 0, UINT32_MAX);
      else if (call.id === 'nfmask') nfmask = uintOption(call, 0, UINT32_MAX);
      else if (call.id === 'mask') ctmask = nfmask = uintOption(call, 0, UINT32_MAX);
      else ({ mark: ctmark, mask: ctmask } = setter(call));
    },
    check(seen) { if (!OPERATIONS.some((name) => seen.has(name))) fail('CONNMARK target: No operation specified'); },
    finish() { return { name: 'CONNMARK', mode, ctmark, ctmask, nfmask }; },
  };
}

function saveText({ mode, ctmask, nfmask }: Connmark): string {
  if (ctmask === UINT32_MAX && nfmask === UINT32_MAX) return mode;
  if (ctmask === nfmask) return `${mode} mask ${hex(ctmask)}`;
  return mode === 'save' ? `save nfmask ${hex(nfmask)} ctmask ~${hex(ctmask)}` : `restore ctmask ${hex(ctmask)} nfmask ~${hex(nfmask)}`;
}

/** libxt_CONNMARK. */
export const CONNMARK: TargetKind<'CONNMARK'> = {
  extension: {
    name: 'CONNMARK', begin: beginConnmark,
    options: [
      ...exclusive(OPERATIONS, OPERATIONS), { name: 'ctmask', arg: true, excl: ['mask'] }, { name: 'nfmask', arg: true, excl: ['mask'] },
      { name: 'mask', arg: true, excl: ['ctmask', 'nfmask'] },
    ],
  },
  save: ({ mode, ctmark, ctmask, nfmask }) =>
    (mode === 'set' ? ` --set-xmark ${hex(ctmark)}/${hex(ctmask)}` : ` --${mode}-mark --nfmask ${hex(nfmask)} --ctmask ${hex(ctmask)}`),
  print: (target) => ` CONNMARK ${target.mode === 'set' ? setText(target.ctmark, target.ctmask) : saveText(target)}`,
};
