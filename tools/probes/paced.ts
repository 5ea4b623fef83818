/** A program that makes calls at a known rate, whatever slows it: it owes so many at any time, and makes up for what it missed. */
import { type ChildProcess, spawn } from 'node:child_process'

const PERL = '/usr/bin/perl'
const LOOP = `use Time::HiRes; my $t = Time::HiRes::time(); my $made = 0; $SIG{TERM} = sub { print "$made\\n"; exit 0 };
while (1) { my $owed = int((Time::HiRes::time() - $t) * RATE); while ($made < $owed) { CALL; $made++ } Time::HiRes::sleep(0.005) }`
const CALLS = {
  /** One system call each, of class `process`. */
  getppid: 'getppid()',
  /** One look-up each in the C library, of a name that is an address: no packet is sent. */
  getaddrinfo: 'Socket::getaddrinfo("127.0.0.1", 80, { flags => 4, socktype => 1 })',
} as const

/** Starts it; `stop` gives the calls that it made and the seconds it ran. Perl is part of every Debian. */
export function startPaced(
  call: keyof typeof CALLS,
  perSec: number,
): { readonly pid: number; readonly stop: () => Promise<{ readonly calls: number; readonly seconds: number }> } {
  const script = `use Socket; ${LOOP.replace('RATE', String(perSec)).replace('CALL', CALLS[call])}`
  const child: ChildProcess = spawn(PERL, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const startMs = performance.now()
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => void (output += bytes.toString()))
  return {
    pid: child.pid ?? -1,
    stop: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve({ calls: Number(output), seconds: (performance.now() - startMs) / 1000 }))
        child.kill('SIGTERM')
      }),
  }
}
