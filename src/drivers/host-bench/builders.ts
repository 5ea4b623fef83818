/** Tools that only pretend, for tests: shell scripts of the same names. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ToolName } from './tools.ts'

const folders: string[] = []
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Gone when the test file ends. */
export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-test-bench-'))
  folders.push(folder)
  return folder
}

/** What real tools say, in no time. stress-ng makes load until it is ended unless it is to answer. */
export const GOOD_TOOLS: Readonly<Record<ToolName, string>> = {
  sysbench:
    'case "$1" in cpu) echo "    events per second:  2000.00";; *) echo "100.00 MiB transferred (8000.00 MiB/sec)";; esac',
  'stress-ng': `for last; do :; done
case "$*" in
  *--yaml*)
    for name in cpu zlib switch null randlist; do
      case "$*" in *"--$name "*)
        printf -- 'metrics:\\n    - stressor: %s\\n      bogo-ops-per-second-usr-sys-time: 4.0\\n      bogo-ops-per-second-real-time: 4.0\\n' $name > "$last"
        printf '      nanosecs-per-context-switch-pipe-method: 2850.0\\n\\n...\\n' >> "$last";;
      esac
    done;;
  *) exec sleep "$last";;
esac`,
  openssl: 'echo "+H:16384"; echo "+F:25:AES-256-GCM:2000000000.00"; echo "+F4:3:256:25000.0:9000.0"',
  fio: `echo '{"jobs":[{"error":0,"read":{"iops":50000.5,"bw_bytes":1000000000},"write":{"iops":40000,"bw_bytes":900000000}}]}'`,
  iperf3: `case "$1" in
  -s) echo "Server listening on 1"; exec sleep 5;;
  *) echo '{"end":{"sum_received":{"bits_per_second":8000000000}}}';;
esac`,
}

/** A folder with these tools; each says its version when it is asked. @param scripts bodies of shell scripts */
export function someTools(scripts: Readonly<Partial<Record<ToolName, string>>>): string {
  const folder = join(aFolder(), 'bin')
  mkdirSync(folder)
  for (const [name, body] of Object.entries(scripts)) {
    const path = join(folder, name)
    const version = 'case "$1" in --version|version) echo "tool 1.2.3"; exit 0;; esac'
    writeFileSync(path, `#!/bin/sh\n${version}\n${body}\n`)
    chmodSync(path, 0o755)
  }
  return folder
}
