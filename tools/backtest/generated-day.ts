import { Luck } from '../../src/terms/luck.ts'

/** Hosts that a generated day of 60 VMs has room on, by the sizes of the VMs. */
export const TRACE_HOSTS = 40

/** A small trace for where PlanetLab's are not: VMs that wander, at a sixth of their size on the whole. CSV as `--trace` takes it. */
export function generatedDay(size: { readonly vms: number; readonly samples: number; readonly seed: number }): string {
  const luck = new Luck(size.seed)
  const lines = Array.from({ length: size.vms }, (_, vm) => {
    let percent = luck.fraction() * 33
    const cells = Array.from({ length: size.samples }, () => {
      percent = Math.min(99, Math.abs(percent + (luck.fraction() - 0.5) * 20))
      return Math.round(percent)
    })
    return [`vm-${vm}`, ...cells].join(',')
  })
  return `${lines.join('\n')}\n`
}
