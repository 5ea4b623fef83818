/** `ethos completion SHELL`: a script by which a shell completes our words. Made from the commands as they are, so that it can't lag behind them. */
import type { Command } from 'commander'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** What may follow one path of words, such as `ethos token create`. */
export interface CompletionNode {
  /** Words after `ethos`; empty for `ethos` itself. */
  readonly path: readonly string[]
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly { readonly name: string; readonly description: string; readonly takesValue: boolean }[]
  /** What its first argument names: then the names that are there are offered. */
  readonly argument?: 'vms' | 'hosts'
}

/** Every command, outermost first. */
export function completionNodes(program: Command, path: readonly string[] = []): readonly CompletionNode[] {
  const [first] = program.registeredArguments
  const argument = first?.name() === 'vm' ? 'vms' : first?.name() === 'host' ? 'hosts' : undefined
  const node: CompletionNode = {
    path,
    commands: program.commands.map((command) => ({ name: command.name(), description: command.description() })),
    options: program.options
      .filter(({ long, hidden }) => long !== undefined && !hidden)
      .map(({ long, description, required, optional }) => ({
        name: long ?? '',
        description,
        takesValue: required || optional,
      })),
    ...(argument === undefined ? {} : { argument }),
  }
  return [node, ...program.commands.flatMap((command) => completionNodes(command, [...path, command.name()]))]
}

/** The script for a shell. */
export function completionScript(shell: Shell, nodes: readonly CompletionNode[]): string {
  return SCRIPTS[shell](nodes)
}

const SCRIPTS: Readonly<Record<Shell, (nodes: readonly CompletionNode[]) => string>> = { bash, zsh, fish }

/** Words of a node, for a shell that shows no descriptions. */
function wordsOf({ commands, options }: CompletionNode): string {
  return [...commands.map(({ name }) => name), ...options.map(({ name }) => name), '--help'].join(' ')
}

function bash(nodes: readonly CompletionNode[]): string {
  return `# bash completion of ethos. Load it with: source <(ethos completion bash)
${walker(nodes)}
_ethos() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  _ethos_walk "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  COMPREPLY=($(compgen -W "$_ethos_words" -- "$current"))
  if [[ "$current" != -* && -n "$_ethos_names" ]]; then
    # Names are not ours: compgen -W would run what stands in them.
    local name
    while IFS= read -r name; do
      if [[ "$name" == "$current"* && "$name" =~ ^[A-Za-z0-9._:@%+=,-]+$ ]]; then COMPREPLY+=("$name"); fi
    done < <(ethos "$_ethos_names" --names 2>/dev/null)
  fi
  if [[ \${#COMPREPLY[@]} -eq 0 && "$current" != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -F _ethos ethos
`
}

function zsh(nodes: readonly CompletionNode[]): string {
  return `#compdef ethos
# zsh completion of ethos. Load it with: source <(ethos completion zsh)
${walker(nodes)}
_ethos() {
  _ethos_walk "\${words[@]:1:$((CURRENT-2))}"
  local -a offered
  offered=(\${=_ethos_words})
  if [[ "\${words[CURRENT]}" != -* && -n "$_ethos_names" ]]; then
    offered+=(\${(f)"$(ethos "$_ethos_names" --names 2>/dev/null)"})
  fi
  compadd -a offered || _files
}
compdef _ethos ethos
`
}

/** A function for bash and zsh alike: follows words to a command, and leaves what may come next. */
function walker(nodes: readonly CompletionNode[]): string {
  const cases = nodes.map(
    (node) =>
      `    "${['ethos', ...node.path].join(' ')}") _ethos_words="${wordsOf(node)}"; _ethos_names="${node.argument ?? ''}";;`,
  )
  return `_ethos_offer() {
  case "$1" in
${cases.join('\n')}
    *) return 1;;
  esac
}
_ethos_walk() {
  local path="ethos" word
  _ethos_offer "$path"
  for word in "$@"; do
    case "$word" in -*) continue;; esac
    if _ethos_offer "$path $word"; then path="$path $word"; fi
  done
  _ethos_offer "$path"
}`
}

function fish(nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap((node) => {
    const test = node.commands.length === 0 ? '__ethos_below' : '__ethos_at'
    const condition = [test, ...node.path].join(' ')
    const commands = node.commands.map(
      ({ name, description }) => `complete -c ethos -f -n '${condition}' -a ${name} -d ${fishText(description)}`,
    )
    const options = node.options.map(
      ({ name, description, takesValue }) =>
        `complete -c ethos -n '${condition}' -l ${name.slice(2)}${takesValue ? ' -r' : ''} -d ${fishText(description)}`,
    )
    const names = node.argument
    const named =
      names === undefined ? [] : [`complete -c ethos -f -n '${condition}' -a '(ethos ${names} --names 2>/dev/null)'`]
    return [...commands, ...options, ...named]
  })
  return `# fish completion of ethos. Load it with: ethos completion fish | source
function __ethos_words
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; or echo $word
    end
end
function __ethos_at
    set -l words (__ethos_words)
    test "$words" = "$argv"
end
function __ethos_below
    string match -q -- "$argv *" (string join -- " " (__ethos_words) "")
end
${lines.join('\n')}
`
}

function fishText(text: string): string {
  return `'${text.replaceAll(/[\\']/g, (character) => `\\${character}`)}'`
}
