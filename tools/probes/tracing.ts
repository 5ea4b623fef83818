/** Runs things where tracefs is: here if it is mounted, else in a mount namespace of their own. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const TRACEFS = '/sys/kernel/tracing'
const HELPER = join(import.meta.dirname, 'helper.ts')
const isMounted = existsSync(`${TRACEFS}/instances`)
const IN_NAMESPACE = ['unshare', '--mount', 'sh', '-c', `mount -t tracefs tracefs ${TRACEFS} && exec "$@"`, 'sh']

/** Bounding set of the unit: what really runs so is measured so. */
export const TWO_CAPABILITIES = ['setpriv', '--bounding-set', '-all,+bpf,+perfmon', '--inh-caps', '-all']
export const NO_CAPABILITIES = ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all']

/** The words that run `command` where tracefs is. */
export function whereTracefsIs(command: readonly string[]): readonly string[] {
  return isMounted ? command : [...IN_NAMESPACE, ...command]
}

/** The words that run the probe helper from the sources, with these words before it. */
export function helperCommand(words: readonly string[], before: readonly string[] = []): readonly string[] {
  return whereTracefsIs([...before, process.execPath, HELPER, ...words])
}

/** Why nothing can be attached here; false if it can. */
export function whyNoTracing(): string | false {
  if (process.getuid?.() !== 0) return 'only root may trace'
  const [program, ...words] = whereTracefsIs(['test', '-w', `${TRACEFS}/uprobe_events`])
  return spawnSync(program, words).status === 0
    ? false
    : 'this kernel or container shows no tracefs that may be written'
}

/** The same for bpftrace. */
export function whyNoBpftrace(): string | false {
  if (whyNoTracing() !== false) return whyNoTracing()
  if (!existsSync('/usr/bin/bpftrace')) return 'bpftrace is not installed'
  const [program, ...words] = whereTracefsIs(['/usr/bin/bpftrace', '-e', 'BEGIN { exit(); }'])
  return spawnSync(program, words).status === 0 ? false : 'bpftrace may not run here'
}

/** Lists what bears our name in tracefs and was made by one of these processes: others may have tests running. */
export function leftInTracefs(pids: readonly (number | undefined)[]): readonly string[] {
  const script = `ls ${TRACEFS}/instances; sed 's/ .*//' ${TRACEFS}/uprobe_events`
  const [program, ...words] = whereTracefsIs(['sh', '-c', script])
  const { stdout } = spawnSync(program, words, { encoding: 'utf8' })
  return stdout
    .split('\n')
    .filter((line) => pids.some((pid) => line.includes(`ethos-${pid}-`) || line.includes(`ethos_${pid}_`)))
}
