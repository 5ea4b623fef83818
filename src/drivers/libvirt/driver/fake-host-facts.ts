/** What a fake daemon tells of its host itself: CPUs, memory, and what it can run. For tests and nowhere else. */
import { HOST_PROCEDURES, type NodeStat } from '../rpc/procedures-host.ts'
import type { FakeSiteHost } from './fake-site.ts'

const CORES = 8

export function serveFacts(host: FakeSiteHost): void {
  const { server } = host
  server.on(HOST_PROCEDURES.capabilities, () => host.capabilities)
  server.on(HOST_PROCEDURES.compareCpu, () => host.cpuResult)
  server.on(HOST_PROCEDURES.compareHypervisorCpu, () => host.cpuResult)
  server.on(HOST_PROCEDURES.nodeCpuStats, ({ count }) => {
    const ns = performance.now() * 1e6
    const stats: readonly NodeStat[] = [
      { field: 'user', value: Math.round(ns * host.busyCores) },
      { field: 'kernel', value: 0 },
      { field: 'idle', value: Math.round(ns * (CORES - host.busyCores)) },
      { field: 'iowait', value: 0 },
    ]
    return { stats: count === 0 ? [] : stats, count: stats.length }
  })
  server.on(HOST_PROCEDURES.nodeMemoryStats, ({ count }) => {
    const stats: readonly NodeStat[] = [
      { field: 'total', value: 33_554_432 },
      { field: 'free', value: host.freeKib },
      { field: 'buffers', value: 0 },
      { field: 'cached', value: 0 },
    ]
    return { stats: count === 0 ? [] : stats, count: stats.length }
  })
}
