import type { Address, Machine } from '../machine.ts'
import { CollectError, type Collector, type Counts, known } from './application.ts'
import { readPassword } from './password.ts'
import { Session, showAddress } from './session.ts'
import type { ServerSettings } from './settings.ts'
import { bytesOf, concat, latin1, utf8Bytes, type Wire } from './wire.ts'

/** INFO of a server with every command in use is some 30 KB. */
const ANSWER_BYTES_MAX = 512 * 1024
const LINE_LENGTH_MAX = 1024
const COMMANDS_MAX = 1024

/** Commands that only read, as the command table of Redis 7 flags them (@read, as far as applications use it). */
const READS = new Set(
  (
    'get mget getrange substr strlen exists type ttl pttl expiretime keys scan randomkey dbsize dump object touch bitcount bitpos getbit ' +
    'bitfield_ro hget hmget hgetall hkeys hvals hlen hexists hstrlen hscan hrandfield lrange lindex llen lpos smembers sismember ' +
    'smismember scard srandmember sscan sinter sunion sdiff sintercard zrange zrangebyscore zrevrange zrevrangebyscore zrangebylex ' +
    'zrevrangebylex zscore zmscore zcard zcount zlexcount zrank zrevrank zscan zrandmember zinter zunion zdiff zintercard xrange ' +
    'xrevrange xlen xread xpending xinfo geopos geodist geohash georadius_ro georadiusbymember_ro geosearch pfcount sort_ro lcs ' +
    'eval_ro evalsha_ro fcall_ro memory'
  ).split(' '),
)
/** Commands that write. */
const WRITES = new Set(
  (
    'set mset setex psetex setnx msetnx getset getdel getex append incr decr incrby decrby incrbyfloat setrange setbit bitfield bitop del ' +
    'unlink expire pexpire expireat pexpireat persist rename renamenx copy move restore hset hmset hsetnx hincrby hincrbyfloat hdel ' +
    'lpush rpush lpushx rpushx lpop rpop lset linsert lrem ltrim lmove rpoplpush blpop brpop blmove brpoplpush lmpop blmpop sadd srem ' +
    'spop smove sinterstore sunionstore sdiffstore zadd zrem zincrby zpopmin zpopmax bzpopmin bzpopmax zrangestore zremrangebyscore ' +
    'zremrangebyrank zremrangebylex zinterstore zunionstore zdiffstore zmpop bzmpop xadd xdel xtrim xack xgroup xclaim xautoclaim ' +
    'xsetid xreadgroup geoadd geosearchstore pfadd pfmerge sort flushdb flushall publish'
  ).split(' '),
)
/** Housekeeping of connections and watchers: no work for anybody. */
const NOT_REQUESTS = new Set(['info', 'auth', 'hello', 'ping', 'client', 'config', 'command', 'slowlog', 'replconf'])

/** Redis, and what speaks like it (Valkey, KeyDB): `INFO all` over RESP 2. */
export class RedisCollector implements Collector {
  readonly title: string
  readonly place: string
  private readonly session: Session<void>

  constructor(machine: Machine, settings: ServerSettings, address: Address) {
    this.title = `Redis ${settings.name}`.trim()
    this.place = showAddress(address)
    this.session = new Session(machine, { address, bytesMax: ANSWER_BYTES_MAX }, async (wire) => {
      if (settings.passwordFile === undefined) return
      const password = await readPassword(machine, settings.passwordFile)
      const user = settings.user === undefined ? [] : [utf8Bytes(settings.user)]
      await ask(wire, [bytesOf('AUTH'), ...user, password])
    })
  }

  async collect(): Promise<Counts> {
    return readInfo(await this.session.use((wire) => ask(wire, [bytesOf('INFO'), bytesOf('all')])))
  }

  close(): void {
    this.session.close()
  }
}

/** Sends one command and returns its answer: a simple or a bulk string. */
async function ask(wire: Wire, words: readonly Uint8Array[]): Promise<string> {
  const parts = words.flatMap((word) => [bytesOf(`$${word.length}\r\n`), word, bytesOf('\r\n')])
  await wire.write(concat(bytesOf(`*${words.length}\r\n`), ...parts))
  const head = await wire.line(LINE_LENGTH_MAX)
  if (head.startsWith('+')) return head.slice(1)
  if (head.startsWith('-')) throw refusal(head.slice(1))
  const length = head.startsWith('$') ? Number(head.slice(1)) : Number.NaN
  if (!Number.isInteger(length) || length < 0 || length > ANSWER_BYTES_MAX)
    throw new CollectError('what answers does not speak as Redis does', { isRefusal: true })
  const text = latin1(await wire.take(length))
  await wire.take(2)
  return text
}

/** The server's words are not repeated: they may hold anything. Its error codes are a short list. */
function refusal(message: string): CollectError {
  const code = /^[A-Z]{2,12}/.exec(message)?.[0] ?? 'ERR'
  const remedy =
    code === 'NOPERM'
      ? 'ACL SETUSER NAME +info for the user of the agent'
      : 'write `[redis]` with `user` and `password-file` into the settings; the user needs only +info'
  return new CollectError(`Redis refuses: ${code}`, { isRefusal: true, remedy })
}

/** The counts in the text of `INFO all`. */
export function readInfo(text: string): Counts {
  const field = (name: string): number => fieldOf(text, name)
  const commands = readCommands(text)
  const hits = field('keyspace_hits')
  return {
    ...known('uptimeSec', field('uptime_in_seconds')),
    ...(commands === undefined ? known('requests', field('total_commands_processed')) : commands),
    ...known('cacheHits', hits),
    ...known('cacheLookups', hits + field('keyspace_misses')),
    totals: {
      ...known('connections made', field('total_connections_received')),
      ...known('keys evicted', field('evicted_keys')),
    },
    details: [
      { name: 'clients', unit: 'connections', value: field('connected_clients') },
      { name: 'clients blocked', unit: 'connections', value: field('blocked_clients') },
      { name: 'memory', unit: 'bytes', value: field('used_memory') },
    ].filter(({ value }) => Number.isFinite(value)),
  }
}

/** Sums over the lines `cmdstat_get:calls=21,usec=175,usec_per_call=8.33,...`; undefined where the server has none. Subcommands
 *  (`cmdstat_client|list`) count as their command. */
function readCommands(text: string): Counts | undefined {
  let requests = 0
  let usec = 0
  let reads = 0
  let writes = 0
  let lines = 0
  for (let at = text.indexOf('\ncmdstat_'); at >= 0 && lines < COMMANDS_MAX; at = text.indexOf('\ncmdstat_', at + 1)) {
    const end = endOfLine(text, at + 1)
    const colon = text.indexOf(':', at)
    const calls = numberIn(text, ':calls=', at, end)
    const spent = numberIn(text, ',usec=', at, end)
    if (colon < 0 || colon > end || Number.isNaN(calls) || Number.isNaN(spent)) continue
    lines++
    const name = text
      .slice(at + 9, colon)
      .split('|')[0]
      ?.toLowerCase()
    if (NOT_REQUESTS.has(name)) continue
    requests += calls
    usec += spent
    if (READS.has(name)) reads += calls
    else if (WRITES.has(name)) writes += calls
  }
  // A server that was just started has the heading, and no line yet.
  if (lines === 0 && !text.includes('# Commandstats')) return undefined
  return { requests, timedRequests: requests, timedMs: usec / 1000, reads, classified: reads + writes }
}

function fieldOf(text: string, name: string): number {
  const at = text.indexOf(`\n${name}:`)
  return at < 0 ? Number.NaN : toNumber(text.slice(at + name.length + 2, endOfLine(text, at + 1)))
}

function numberIn(text: string, mark: string, from: number, end: number): number {
  const at = text.indexOf(mark, from)
  if (at < 0 || at >= end) return Number.NaN
  const comma = text.indexOf(',', at + mark.length)
  return toNumber(text.slice(at + mark.length, comma < 0 || comma > end ? end : comma))
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\r', from)
  return end < 0 ? text.length : end
}

function toNumber(text: string): number {
  return /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN
}
