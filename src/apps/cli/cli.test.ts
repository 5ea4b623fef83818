import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { aWideTrace, UserFolder } from './builders.ts'

const LONG = 'vm,second,cpu_percent\n'
const SERVER = { model: 'R1', cpuType: 'x', cores: 16, refCoresPerCore: 1, memoryBytes: 2 ** 36, storageType: 'ssd' }
const fleetOf = (server: object) =>
  JSON.stringify({ name: 'mine', hosts: [{ server: 'r1', count: 2 }], servers: { r1: server } })

/** Every output that can be asked for. A word given again in a case takes its place. */
const OUTPUTS = ['--json', 'r.json', '--initial', 'i.csv', '--moves', 'm.csv', '--record', 'r.jsonl']

interface Refusal {
  readonly what: string
  /** Files beside `good.csv`. */
  readonly files?: Readonly<Record<string, string>>
  readonly words: readonly string[]
  /** Place, value and remedy. */
  readonly says: readonly string[]
}

/** `bad.csv` as the trace. */
function trace(what: string, content: string, ...says: readonly string[]): Refusal {
  return { what, files: { 'bad.csv': content }, words: ['--trace', 'bad.csv'], says }
}

/** Other words with a good trace. */
function words(what: string, line: string, ...says: readonly string[]): Refusal {
  return { what, words: ['--trace', 'good.csv', ...line.split(' ')], says }
}

const TRACES: readonly Refusal[] = [
  {
    what: 'an unknown trace',
    words: ['--trace', 'nope'],
    says: ['--trace', '"nope"', 'azure, azure-max, bitbrains, or'],
  },
  { what: 'an unknown day', words: ['--trace', 'azure/99'], says: ['--trace', '"azure/99"', 'a day from 0 to 27'] },
  { what: 'a missing file', words: ['--trace', 'shop.csv'], says: ['file', '"shop.csv"', 'There is no such file'] },
  trace(
    'wrong columns',
    'vm,second,cpu\nweb,0,1\n',
    'bad.csv:1',
    '"cpu"',
    'Expected a header with vm, second and cpu_',
  ),
  trace('what is no number', 'web,1,n/a\n', 'bad.csv:1 column 3', '"n/a"', 'Expected a percentage such as 37.5'),
  trace('NaN', `${LONG}web,0,NaN\n`, 'bad.csv:2 cpu_percent', '"NaN"', 'Leave the cell empty when nobody measured'),
  trace('a negative value', 'web,1,-1\n', 'bad.csv:1 column 3', '-1', "can't be negative"),
  trace('more than 1000 %', `${LONG}web,0,1200\n`, 'bad.csv:2 cpu_percent', '1200', 'Expected at most 1000 %'),
  trace('a (vm, second) twice', `${LONG}web,0,1\nweb,0,2\n`, 'bad.csv:3', '"web, second 0"', 'it stands on line 2 too'),
  trace('an empty trace', '', 'bad.csv', 'an empty', '.'),
  trace('a trace without values', 'web,,,\n', 'bad.csv', 'an empty trace', 'No VM has a CPU value in it'),
  {
    what: 'values above 100 % with --strict',
    files: { 'bad.csv': 'web,10,130\n' },
    words: ['--trace', 'bad.csv', '--strict'],
    says: ['bad.csv:1 column 3', '130', '--strict'],
  },
]

const FLEETS_AND_SIZES: readonly Refusal[] = [
  {
    what: 'a host without its power curve',
    files: { 'fleet.json': fleetOf({ ...SERVER, networkBytesPerSec: 1e9 }) },
    words: ['--trace', 'good.csv', '--hosts', 'fleet.json'],
    says: ['fleet.json servers.r1.powerWatts', 'missing', 'A host needs its power curve'],
  },
  {
    what: 'VMs that no host holds',
    files: { 'vms.csv': 'vm,cpu_cores,memory_mb\nvm-1,4000,4096\n' },
    words: ['--trace', 'good.csv', '--vms', 'vms.csv'],
    says: ['VM vm-1', '4000 reference cores', 'Give the fleet more or larger hosts, or take fewer VMs'],
  },
  {
    what: 'VMs that no host has the memory for',
    files: { 'vms.csv': 'vm,cpu_cores,memory_mb\nvm-1,2,90000000\n' },
    words: ['--trace', 'good.csv', '--vms', 'vms.csv'],
    says: ['VM vm-1', '87890.63 GiB', 'Give the fleet more or larger hosts, or take fewer VMs'],
  },
  words('an unknown fleet', '--hosts moon', '--hosts', '"moon"', 'Expected cloudsim, '),
  words('a missing fleet file', '--hosts moon.json', 'file', '"moon.json"', 'Check the path given with --hosts'),
  words('a missing file of sizes', '--vms moon.csv', 'file', '"moon.csv"', 'Check the path given with --vms'),
]

const POLICIES: readonly Refusal[] = [
  words('an unknown policy', '--policy ethos,magic', '--policy', '"magic"', 'Expected a list of: ethos, none, '),
  words('unknown rules', '--rules lenient', '--rules', '"lenient"', 'Expected cloudsim or honest'),
  words('unknown lives', '--lives nine', '--lives', '"nine"', 'Expected one of: auto, trace, cloudsim'),
  words('two policies where one is told of', '--policy ethos,none', '--initial', '"ethos,none"', 'exactly one policy'),
  words('a policy file that is not there', '--policy-file p.json', '--policy-file', '"p.json"', 'It can not be read'),
  {
    what: 'a policy file that is no JSON',
    files: { 'p.json': '{prices' },
    words: ['--trace', 'good.csv', '--policy-file', 'p.json'],
    says: ['p.json', '"{prices"', 'Expected valid JSON'],
  },
  {
    what: 'a policy with an unknown field',
    files: { 'p.json': '{"price": 1}' },
    words: ['--trace', 'good.csv', '--policy-file', 'p.json'],
    says: ['p.json.price', '1', 'Unknown field; known are: '],
  },
]

const NUMBERS: readonly Refusal[] = [
  words('a seed that is no number', '--seed x', "'--seed <n>'", "'x'", 'Expected a whole number from 0 to 4294967295'),
  words('a seed below 0', '--seed -1', "'--seed <n>'", "'-1'", 'Expected a whole number from 0'),
  words('an empty seed', '--seed ', "'--seed <n>'", "''", 'Expected a whole number from 0'),
  words('no VMs', '--vm-count 0', "'--vm-count <n>'", "'0'", 'Expected a whole number from 1'),
  words(
    'more hosts than a fleet may have',
    '--host-count 1000000000',
    '--host-count',
    '1000000000',
    'from 1 to 100000',
  ),
  words('a boot without end', '--power-on Infinity', "'--power-on <seconds>'", "'Infinity'", 'from 0 to 86400'),
]

const FILES_TO_WRITE: readonly Refusal[] = [
  words('a folder that is not there', '--json no/r.json', '--json', '"no/r.json"', 'There is no folder no. Create it'),
  words('a folder in place of a file', '--moves empty', '--moves', '"empty"', 'It is a folder. Name a file in it'),
  words('a record without a folder', '--record no/r', '--record', '"no/r"', 'There is no folder no. Create it first?'),
  words('moves to standard output', '--moves -', '--moves', '"-"', 'Expected the path of a file'),
  words('the trace as output', '--json good.csv', '--json', '"good.csv"', 'Name another file: the command reads it'),
  words('one file for two', '--json m.csv', '--moves', '"m.csv"', 'Name another file: --json writes it'),
  words('a journal in a device', '--record /dev/null', '--record', '"/dev/null"', 'needs a file of its own'),
]

for (const [title, refusals] of Object.entries({ TRACES, FLEETS_AND_SIZES, POLICIES, NUMBERS, FILES_TO_WRITE })) {
  describe(title.toLowerCase().replaceAll('_', ' '), () => {
    for (const refusal of refusals) {
      test(`${refusal.what}: code 2, one message with place, value and remedy, and nothing is written`, () => {
        checkRefusal(['backtest', '--policy', 'ethos', ...OUTPUTS, ...refusal.words], refusal)
      })
    }
  })
}

describe('questions', () => {
  const refusals: readonly Refusal[] = [
    { what: 'no time', words: ask('vm-1'), says: ['--explain', '"vm-1"', 'Expected VM@TIME, for example web-3@14:05'] },
    {
      what: 'an unknown VM',
      words: ask('vm-7@0'),
      says: ['--explain', '"vm-7"', 'The trace has 4, from vm-0 to vm-3'],
    },
    {
      what: 'a bad time',
      words: ask('vm-1@9:99'),
      says: ['--explain', '"9:99"', 'Expected seconds since the first sample'],
    },
    { what: 'a time after the end', words: ask('vm-1@1:00'), says: ['--explain', '"1:00"', 'The trace ends at 00:55'] },
    {
      what: 'of a rival',
      words: [...ask('vm-1@0'), '--policy', 'none'],
      says: ['--explain', '"none"', 'Only ethos explains'],
    },
    {
      what: 'with files',
      words: [...ask('vm-1@0'), '--json', 'r.json'],
      says: ['--json', '"r.json"', 'ask for one of the two'],
    },
  ]
  for (const refusal of refusals) {
    test(`${refusal.what}: refused`, () => checkRefusal(['backtest', ...refusal.words], refusal))
  }
})

describe('words', () => {
  const refusals: readonly Refusal[] = [
    { what: 'no trace', words: ['backtest'], says: ["'--trace <name>'", '--help'] },
    { what: 'an unknown command', words: ['juggle'], says: ["'juggle'", '--help'] },
    { what: 'an unknown option', words: ['backtest', '--trace', 'good.csv', '--fast'], says: ["'--fast'", '--help'] },
    {
      what: 'a word too many',
      words: ['backtest', '--trace', 'good.csv', 'more.csv'],
      says: ['too many arguments', '--help'],
    },
    {
      what: 'a report without a folder',
      words: ['report', '--trace', 'good.csv', '--out', 'no/page.html'],
      says: ['--out', '"no/page.html"', 'There is no folder no'],
    },
    {
      what: 'a demo without a folder',
      words: ['demo', '--out', 'no/page.html'],
      says: ['--out', 'There is no folder no'],
    },
    ...[['--agents'], ['--policy', 'none'], ['--speed', '60'], ['--seed', '1'], ['--json', '-']].map((words) => ({
      what: `a replayed day with ${words[0]}`,
      words: ['demo', ...words],
      says: [words[0], '--libvirt'],
    })),
  ]
  for (const refusal of refusals) test(`${refusal.what}: refused`, () => checkRefusal(refusal.words, refusal))
})

const user = new UserFolder()
user.write('good.csv', aWideTrace({ vms: 4, steps: 12 }))
user.write('empty/.keep', '')
after(() => user.remove())

function ask(question: string): readonly string[] {
  return ['--trace', 'good.csv', '--explain', question]
}

/** One folder for all refusals: they leave it as it was. */
function checkRefusal(line: readonly string[], { files, says }: Refusal): void {
  for (const [name, content] of Object.entries(files ?? {})) user.write(name, content)
  const before = readdirSync(user.path)
  const { code, stdout, stderr } = user.run(line)
  assert.equal(code, 2, stderr)
  assert.equal(stdout, '')
  const [message, ...rest] = stderr.split('\n').filter((text) => text !== '' && !/^(trace|Replaying) /.test(text))
  assert.match(message, /^(ethos|error): /)
  assert.deepEqual(rest, message.startsWith('error: ') ? ['(--help shows what can be asked)'] : [])
  for (const word of says) assert.ok(stderr.includes(word), `${JSON.stringify(word)} is missing in: ${stderr}`)
  assert.deepEqual(readdirSync(user.path), before)
}
