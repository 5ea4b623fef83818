/** Preloaded into a program that is measured (`node --import`): leaves behind what the whole process has used, loading included. */
import { readFileSync, writeFileSync } from 'node:fs'

process.on('exit', () => {
  const path = process.env['ETHOS_PROBE_FILE']
  if (path === undefined) return
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const usage = { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakBytes: peakOfThisProgram() ?? maxRSS * 1024 }
  writeFileSync(path, JSON.stringify(usage))
})

/** Linux hands the parent's peak down to a child in `maxRSS`, but not in VmHWM, which begins with the program. */
function peakOfThisProgram(): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    return undefined
  }
}
