import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { REPOSITORY } from '../repository.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-notify-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Perl is part of every Debian, and opens the datagram socket that neither Node nor Bun can open. */
const PERL = '/usr/bin/perl'
const RECEIVER = `use Socket; $| = 1; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die $!;
print "bound\\n"; while (defined recv($s, my $m, 4096, 0)) { $m =~ s/\\n/ /g; print "$m\\n" }`
const BUN = join(
  REPOSITORY,
  'node_modules',
  '@oven',
  `bun-linux-${arch() === 'arm64' ? 'aarch64' : 'x64'}`,
  'bin',
  'bun',
)
const ENGINES = { node: process.execPath, bun: BUN }

for (const [name, engine] of Object.entries(ENGINES)) {
  const missing = [PERL, '/usr/bin/systemd-notify', engine].find((path) => !existsSync(path))
  const skip = missing === undefined ? false : `${missing} is not here`

  test(`on ${name} a real datagram socket hears every notice, in order`, { skip }, async () => {
    const socket = join(folder, name)
    const receiver = spawn(PERL, ['-e', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
    let heard = ''
    receiver.stdout.on('data', (bytes: Buffer) => void (heard += bytes.toString()))
    try {
      while (!heard.includes('bound') && receiver.exitCode === null) await sleep(10)
      const script = join(folder, `${name}.ts`)
      const guest = join(REPOSITORY, 'src', 'drivers', 'guest')
      writeFileSync(
        script,
        `import { nodeMachine } from '${guest}/node-machine.ts'\nimport { notify } from '${guest}/notify.ts'\n` +
          "for (const notice of ['ready', 'alive', 'reloading', 'stopping'] as const)\n" +
          '  if (!(await notify(nodeMachine(), notice))) process.exitCode = 1\n',
      )
      const env = { PATH: process.env['PATH'], NOTIFY_SOCKET: socket }
      const { status, stderr } = spawnSync(engine, [script], { env, encoding: 'utf8', timeout: 60_000 })
      assert.equal(status, 0, stderr)
      const notices = () => heard.match(/(READY|WATCHDOG|RELOADING|STOPPING)=1/g) ?? []
      for (let i = 0; i < 100 && notices().length < 4; i++) await sleep(20)
      assert.deepEqual(notices(), ['READY=1', 'WATCHDOG=1', 'RELOADING=1', 'STOPPING=1'])
    } finally {
      receiver.kill('SIGKILL')
    }
  })
}
