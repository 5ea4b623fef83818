/** A program that makes calls at a known rate, whatever slows it: it owes so many at any time, and makes up for what it missed. */
import { type ChildProcess, spawn } from 'node:child_process'

const PERL = '/usr/bin/perl'
/** `select` waits, which is of class `file`. With bursts the rate is drawn anew four times a second, exponentially about its mean. */
const LOOP = `use Time::HiRes; my $made = 0; my $owed = 0; my $rate = RATE; my $drawn = 0;
$SIG{TERM} = sub { print "$made\\n"; exit 0 }; my $t = Time::HiRes::time();
while (1) {
  my $now = Time::HiRes::time(); $owed += ($now - $t) * $rate; $t = $now;
  if (BURSTS && $now - $drawn > 0.25) { $rate = -RATE * log(1 - rand()); $drawn = $now }
  while ($made < int($owed)) { CALL; $made++ }
  select(undef, undef, undef, 0.005);
}`
const CALLS = {
  /** One system call each, of class `process`. */
  getppid: 'getppid()',
  /** One system call each, of class `time`, which few others make. */
  times: 'times()',
  /** One look-up each in the C library, of a name that is an address: no packet is sent. */
  getaddrinfo: 'Socket::getaddrinfo("127.0.0.1", 80, { flags => 4, socktype => 1 })',
} as const

/** Starts it; `stop` gives the calls that it made and the seconds it ran. Perl is part of every Debian. */
export function startPaced(
  call: keyof typeof CALLS,
  perSec: number,
  { inBursts = false }: { readonly inBursts?: boolean } = {},
): { readonly pid: number; readonly stop: () => Promise<{ readonly calls: number; readonly seconds: number }> } {
  const loop = LOOP.replaceAll('RATE', String(perSec)).replace('BURSTS', inBursts ? '1' : '0')
  const script = `use Socket; ${loop.replace('CALL', CALLS[call])}`
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
