import { listSysctl, readSysctl, statSysctl, sysctlWritable, writeSysctl } from '../../kernel/sysctl.ts';
import { type DirectoryNode, kernelDirectory, kernelFile, type Node, type View } from './nodes.ts';

const OSTYPE: Readonly<Record<string, string>> = { ostype: 'Linux', osrelease: '6.18.0' };

/** /proc/sys: the settings of the namespace (kernel/sysctl.ts), and the few of the machine that people read. */
export function procSys(): DirectoryNode {
  return sysctlDirectory('');
}

function sysctlDirectory(path: string): DirectoryNode {
  const inner = (name: string): string => (path === '' ? name : `${path}/${name}`);
  return kernelDirectory(
    (name, view) => {
      if (path === '' && name === 'kernel') return kernelSettings();
      const child = inner(name);
      const kind = statSysctl(view.ns, child);
      if (kind === 'directory') return sysctlDirectory(child);
      if (kind === null) return undefined;
      const read = (v: View): string => `${readSysctl(v.ns, child)}\n`;
      return sysctlWritable(view.ns, child) ? kernelFile(read, (v, text) => writeSysctl(v.ns, child, text)) : kernelFile(read);
    },
    (view) => (path === '' ? [...listSysctl(view.ns, path), 'kernel'] : listSysctl(view.ns, path)),
  );
}

/** /proc/sys/kernel, as far as it names the machine. */
function kernelSettings(): DirectoryNode {
  const files: Readonly<Record<string, Node>> = {
    hostname: kernelFile((view) => `${view.ns.machine.hostname}\n`, (view, text) => {
      view.ns.machine.hostname = text.replace(/\n.*/s, '');
    }),
    ostype: kernelFile(() => `${OSTYPE.ostype}\n`),
    osrelease: kernelFile(() => `${OSTYPE.osrelease}\n`),
  };
  return kernelDirectory((name) => files[name], () => Object.keys(files));
}
