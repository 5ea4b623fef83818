import type { Address, Machine } from '../machine.ts'
import { ApacheCollector } from './apache.ts'
import type { Collector } from './application.ts'
import type { Candidate } from './discovery.ts'
import { MysqlCollector } from './mysql.ts'
import { NginxCollector } from './nginx.ts'
import { osUserName } from './os-user.ts'
import { PostgresCollector } from './postgres.ts'
import { PrometheusCollector } from './prometheus.ts'
import { RedisCollector } from './redis.ts'
import { showAddress } from './session.ts'
import type { ApplicationSettings, ServerSettings } from './settings.ts'
import { WebPageCollector } from './web-page.ts'

/** Where servers listen by default: Debian's paths, and the port of Redis. */
const REDIS_ADDRESS: Address = { host: '127.0.0.1', port: 6379 }
const POSTGRES_ADDRESS: Address = { path: '/run/postgresql/.s.PGSQL.5432' }
const MYSQL_ADDRESS: Address = { path: '/run/mysqld/mysqld.sock' }

/** A collector for each application in the settings. */
export function makeConfigured(machine: Machine, settings: ApplicationSettings): readonly Collector[] {
  const withUser = (each: ServerSettings) => ({ ...each, user: each.user ?? osUserName(machine) })
  return [
    ...settings.postgresql.map(
      (each) => new PostgresCollector(machine, withUser(each), each.address ?? POSTGRES_ADDRESS),
    ),
    ...settings.mysql.map((each) => new MysqlCollector(machine, withUser(each), each.address ?? MYSQL_ADDRESS)),
    ...settings.redis.map((each) => new RedisCollector(machine, each, each.address ?? REDIS_ADDRESS)),
    ...settings.nginx.map((each) => new NginxCollector(machine, each)),
    ...settings.apache.map((each) => new ApacheCollector(machine, each)),
    ...settings.prometheus.map((each) => new PrometheusCollector(machine, each)),
  ]
}

/** A collector for something that was found. It has no credentials to give: databases know us by our user on the local socket, or not. */
export function makeFound(machine: Machine, { kind, address }: Candidate): Collector {
  if (kind === 'web') return new WebPageCollector(machine, `http://${showAddress(address)}`)
  if (kind === 'redis') return new RedisCollector(machine, { name: '' }, address)
  const settings = { name: '', user: osUserName(machine) }
  return kind === 'mysql'
    ? new MysqlCollector(machine, settings, address)
    : new PostgresCollector(machine, settings, address)
}
