/** Who is measured: the agent on Node, as one executable, and with probes; node_exporter and collectd beside them. Started together, each with
 *  its own state, and stopped together whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServer } from '../../src/apps/server/server.ts'
import { buildAgent } from '../build-agent.ts'
import { countProcesses } from './process-use.ts'

export interface Subject {
  readonly name: string
  readonly pid: number
}

export interface Subjects {
  readonly list: readonly Subject[]
  /** Sentences about what was seen, to stand under the table. */
  notes(): Promise<readonly string[]>
  stop(): Promise<void>
}

export interface SubjectsWanted {
  readonly folder: string
  /** Processes that the machine is filled up to. */
  readonly processes: number
  readonly vectorEvery: string
  readonly say: (what: string) => void
}

const EXPORTER = '/usr/bin/prometheus-node-exporter'
const EXPORTER_PORT = 19_100
const COLLECTD = '/usr/sbin/collectd'
const SCRAPE_EVERY_MS = 5000
