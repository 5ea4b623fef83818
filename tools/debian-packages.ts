/** Real components for tests, from Debian's packages: installed where we may, else their tests are skipped by name. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** What tests need beside the npm packages: a file that is there once the package is. */
const COMPONENTS = [
  { packageName: 'chromium', file: '/usr/bin/chromium' },
  { packageName: 'systemd', file: '/usr/bin/systemd-analyze' },
] as const

/** Installs what is missing if this is Debian and we are root. Returns a line per package: what was done, or why not. */
export function installComponents(): readonly string[] {
  const missing = COMPONENTS.filter(({ file }) => !existsSync(file))
  if (missing.length === 0) return []
  const names = missing.map(({ packageName }) => packageName)
  const command = `apt-get install ${names.join(' ')}`
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return [`missing: ${names.join(', ')}; their tests are skipped. Maybe: sudo ${command}`]
  }
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', ['update', '-qq'], { env: environment })
  const words = ['install', '-qq', '--yes', '--no-install-recommends', ...names]
  const { status, stderr } = spawnSync('apt-get', words, { env: environment, encoding: 'utf8' })
  return [status === 0 ? `installed: ${names.join(', ')}` : `${command} failed: ${stderr.trim().split('\n').at(-1)}`]
}
