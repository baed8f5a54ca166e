import { useRef, useState } from 'react';
import { Dialog } from './Dialog.tsx';

interface CopyDialogProps {
  readonly title: string;
  readonly about: string;
  readonly text: string;
  readonly onClose: () => void;
}

/** A text to take along: a link, an embed snippet. Selected at once, for where the clipboard is closed. */
export default function CopyDialog({ title, about, text, onClose }: CopyDialogProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [result, setResult] = useState('');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setResult('Copied.');
    } catch {
      field.current?.select();
      setResult('This browser keeps its clipboard closed: the text is selected, copy it with the keyboard.');
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{about}</p>
      <textarea ref={field} readOnly value={text} rows={Math.min(8, text.split('\n').length + 1)} aria-label={title} onFocus={(event) => event.currentTarget.select()} />
      <p className="dialog-actions">
        <button type="button" className="button primary" onClick={() => void copy()}>
          Copy
        </button>
        <span role="status">{result}</span>
      </p>
    </Dialog>
  );
}
