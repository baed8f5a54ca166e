import { KEYS, keyLabels } from '../../store/keys.ts';
import { Dialog } from './Dialog.tsx';

const GROUPS = ['Stepping', 'Playing', 'Looking'] as const;

/** The keys, from the one table that also serves them. */
export default function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <p>They work while the focus is in the player.</p>
      <div className="keys">
        {GROUPS.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {lines(group).map(({ what, keys }) => (
                <div key={what}>
                  <dt>
                    {keys.map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p className="dialog-note">With the map’s tree in focus (Tab to it), the arrow keys walk through machines, namespaces and devices, and Enter picks one.</p>
    </Dialog>
  );
}

function lines(group: (typeof GROUPS)[number]): { what: string; keys: string[] }[] {
  const found = new Map<string, string[]>();
  for (const binding of KEYS) if (binding.group === group) found.set(binding.what, [...(found.get(binding.what) ?? []), ...keyLabels(binding)]);
  return [...found].map(([what, keys]) => ({ what, keys }));
}
