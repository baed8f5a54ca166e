import type { CommandNode, CompoundList, Function as FunctionNode, HereDoc, PipelineNode, Redirection, Statement } from 'unbash';
import type { Source } from './source.ts';

/** A function as `type` and `declare -f` print it: in bash's own layout (print_cmd.c), the words as they were written. */
export function functionText(node: FunctionNode, source: Source): string {
  return `${node.name.text} () \n${new Printer(source).body(node, 0)}`;
}

const STEP = 4;

class Printer {
  readonly #source: Source;
  /** Here-documents of the line that is being printed; their texts come after it. */
  #documents: HereDoc[] = [];

  constructor(source: Source) {
    this.#source = source;
  }

  /** The body of a function: always a group. */
  body(node: FunctionNode, indent: number): string {
    const { body } = node;
    if (body.type === 'BraceGroup') return this.#group(body.body, indent);
    if (body.type === 'CompoundList') return this.#group(body, indent);
    if (body.type === 'Redirected' && body.command.type === 'BraceGroup') return `${this.#group(body.command.body, indent)}${this.#redirects(body.redirects)}`;
    return `{ \n${pad(indent + STEP)}${this.#command(body, indent + STEP)}\n${pad(indent)}}`;
  }

  #group(list: CompoundList, indent: number): string {
    return `{ \n${this.#list(list.commands, indent + STEP, false)}\n${pad(indent)}}`;
  }

  /** Statements, each on its line; in branches and loops the last has a semicolon, too. */
  #list(statements: readonly Statement[], indent: number, closed: boolean): string {
    let text = pad(indent);
    for (const [i, statement] of statements.entries()) {
      const last = i === statements.length - 1;
      text += this.#node(statement.command, indent);
      if (statement.background) text += last ? ' &' : ' & ';
      else if (this.#documents.length > 0) text += this.#flushDocuments() + (last ? '' : `\n${pad(indent)}`);
      else if (!last) text += `;\n${pad(indent)}`;
      else if (closed) text += ';';
    }
    return text;
  }

  #flushDocuments(): string {
    return this.#documents.splice(0).map((document) => `\n${document.body.text}${document.delimiter?.value ?? ''}\n`).join('');
  }

  #node(node: Statement['command'], indent: number): string {
    if (node.type !== 'AndOr') return this.#pipeline(node, indent);
    return node.commands.map((command, i) => (i === 0 ? '' : ` ${node.operators[i - 1]} `) + this.#pipeline(command, indent)).join('');
  }

  #pipeline(node: PipelineNode, indent: number): string {
    if (node.type !== 'Pipeline') return this.#command(node, indent);
    const prefixes = node.prefixes.map((prefix) => (prefix.type === 'Negation' ? '! ' : prefix.posix ? 'time -p ' : 'time ')).join('');
    return prefixes + node.commands.map((command, i) => (i === 0 ? '' : node.operators[i - 1] === '|&' ? ' 2>&1 | ' : ' | ') + this.#command(command, indent)).join('');
  }

  #command(node: CommandNode, indent: number): string {
    const inner = indent + STEP;
    const branch = (list: CompoundList): string => `${this.#list(list.commands, inner, true)}\n${pad(indent)}`;
    switch (node.type) {
      case 'Command': {
        const words = [...node.prefix, ...(node.name ? [node.name] : []), ...node.suffix].filter((item) => item.type === 'Word' || item.type === 'Assignment').map((item) => item.text);
        return words.join(' ') + this.#redirects(node.redirects, words.length > 0);
      }
      case 'Redirected': return this.#command(node.command, indent) + this.#redirects(node.redirects);
      case 'BraceGroup': return this.#group(node.body, indent);
      case 'Subshell': return `( ${this.#list(node.body.commands, indent, false).trimStart()} )`;
      case 'If': {
        const elifs = node.elif.map((part) => ({ clause: part.clause, then: part.then }));
        return this.#if(node.clause, node.then, elifs, node.else, indent);
      }
      case 'While': return `${node.kind} ${this.#inline(node.clause, indent)}; do\n${branch(node.body)}done`;
      case 'For': return `for ${node.name.text} in ${node.wordlist ? node.wordlist.map((word) => word.text).join(' ') : '"$@"'};\n${pad(indent)}do\n${branch(node.body)}done`;
      case 'ArithmeticFor': {
        const parts = [node.initialize, node.test, node.update].map((part) => (part ? this.#source.slice(part) : '1'));
        return `for ((${parts.join('; ')}))\n${pad(indent)}do\n${branch(node.body)}done`;
      }
      case 'Case': {
        const items = node.items.map((item) => `${pad(inner)}${item.pattern.map((word) => word.text).join(' | ')})\n${item.body.commands.length > 0 ? `${this.#list(item.body.commands, inner + STEP, false)}\n` : '\n'}${pad(inner)}${item.terminator ?? ';;'}\n`);
        return `case ${node.word.text} in \n${items.join('')}${pad(indent)}esac`;
      }
      case 'TestCommand': return `[[ ${this.#source.slice(node.expression)} ]]`;
      case 'ArithmeticCommand': return `((${node.body}))`;
      case 'Function': return `function ${node.name.text} () \n${pad(indent)}${this.body(node, indent)}`;
      default: return this.#source.slice(node);
    }
  }

  /** bash keeps elif as an if inside else. */
  #if(clause: CompoundList, then: CompoundList, elifs: readonly { readonly clause: CompoundList; readonly then: CompoundList }[], otherwise: CompoundList | undefined, indent: number): string {
    const inner = indent + STEP;
    let text = `if ${this.#inline(clause, indent)}; then\n${this.#list(then.commands, inner, true)}\n${pad(indent)}`;
    const [first, ...rest] = elifs;
    if (first) text += `else\n${pad(inner)}${this.#if(first.clause, first.then, rest, otherwise, inner)};\n${pad(indent)}`;
    else if (otherwise) text += `else\n${this.#list(otherwise.commands, inner, true)}\n${pad(indent)}`;
    return `${text}fi`;
  }

  /** A condition, on the line of its keyword. */
  #inline(list: CompoundList, indent: number): string {
    return list.commands.map((statement) => this.#node(statement.command, indent) + (statement.background ? ' &' : '')).join('; ');
  }

  #redirects(redirects: readonly Redirection[], space = true): string {
    return redirects.map((redirect, i) => (space || i > 0 ? ' ' : '') + this.#redirect(redirect)).join('');
  }

  #redirect(redirect: Redirection): string {
    const given = redirect.descriptor;
    const fd = given ? (given.type === 'FileDescriptor' ? String(given.value) : `{${given.name}}`) : '';
    if (redirect.type === 'HereDoc') {
      this.#documents.push(redirect);
      return `${fd}${redirect.operator}${redirect.delimiter?.text ?? ''}`;
    }
    const target = redirect.target?.text ?? '';
    if (redirect.type === 'HereString') return `${fd}<<< ${target}`;
    if (redirect.operator === '>&' || redirect.operator === '<&') return `${fd === '' && /^\d/.test(target) ? (redirect.operator === '>&' ? '1' : '0') : fd}${redirect.operator}${/^[\d-]/.test(target) ? '' : ' '}${target}`;
    return `${fd}${redirect.operator} ${target}`;
  }
}

function pad(indent: number): string {
  return ' '.repeat(indent);
}
