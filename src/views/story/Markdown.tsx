import { Fragment, type ReactNode } from 'react';

/**
 * The part of Markdown that a story needs: paragraphs, lists, **strong**, *emphasis*, `code` and [links](https://...). Text goes into
 * React as text, so nothing in a scenario file can become markup.
 */
export function Markdown({ text }: { readonly text: string }) {
  return <>{blocks(text).map((block, index) => (block.list ? list(block.lines, index) : <p key={index}>{inline(block.lines.join(' '))}</p>))}</>;
}

/** Inline Markdown alone, for titles and options. */
export function MarkdownLine({ text }: { readonly text: string }) {
  return <>{inline(text)}</>;
}

interface Block {
  readonly list: boolean;
  readonly lines: string[];
}

function blocks(text: string): Block[] {
  const found: Block[] = [];
  for (const paragraph of text.trim().split(/\n\s*\n/)) {
    let block: Block | null = null;
    for (const line of paragraph.split('\n')) {
      const item = /^\s*[-*]\s+(.*)$/.exec(line);
      if (item) {
        if (!block?.list) found.push((block = { list: true, lines: [] }));
        block.lines.push(item[1]!);
      } else if (block?.list && /^\s+/.test(line)) {
        block.lines[block.lines.length - 1] += ` ${line.trim()}`;
      } else {
        if (!block || block.list) found.push((block = { list: false, lines: [] }));
        block.lines.push(line.trim());
      }
    }
  }
  return found;
}

function list(lines: readonly string[], key: number): ReactNode {
  return (
    <ul key={key}>
      {lines.map((line, index) => (
        <li key={index}>{inline(line)}</li>
      ))}
    </ul>
  );
}

const INLINE = /(`[^`]+`|\*\*(?:[^*]|\*[^*]+\*)+\*\*|\*[^*]+\*|\[[^\]]+\]\(https?:\/\/[^)\s]+\))/;

function inline(text: string): ReactNode[] {
  return text.split(INLINE).map((piece, index) => {
    if (piece.length > 2 && piece.startsWith('`') && piece.endsWith('`')) return <code key={index}>{piece.slice(1, -1)}</code>;
    if (piece.length > 4 && piece.startsWith('**') && piece.endsWith('**')) return <b key={index}>{inline(piece.slice(2, -2))}</b>;
    if (piece.length > 2 && piece.startsWith('*') && piece.endsWith('*')) return <em key={index}>{piece.slice(1, -1)}</em>;
    const link = /^\[([^\]]+)\]\((https?:\/\/[^)\s]+)\)$/.exec(piece);
    if (link) {
      return (
        <a key={index} href={link[2]} target="_blank" rel="noreferrer">
          {link[1]}
        </a>
      );
    }
    return <Fragment key={index}>{piece}</Fragment>;
  });
}

/** The first sentence of a beat: its title in the list. */
export function firstSentence(text: string): string {
  const first = text.trim().split(/\n\s*\n/)[0]!.replace(/\s+/g, ' ');
  const bold = /^\*\*((?:[^*]|\*[^*]+\*)+)\*\*/.exec(first);
  if (bold) return bold[1]!;
  const end = /[.!?](?=\s|$)/.exec(first.replace(/`[^`]*`/g, (code) => '_'.repeat(code.length)));
  return end ? first.slice(0, end.index + 1) : first;
}
