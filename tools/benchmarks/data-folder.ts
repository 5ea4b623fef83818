import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The folder with the Azure VM noise data: `given`, or ETHOS_DATA, or `azure_vm_noise` within either. `undefined` where there is none. */
export function dataFolder(given = process.env['ETHOS_DATA']): string | undefined {
  if (given === undefined) return undefined
  return [given, join(given, 'azure_vm_noise')].find((folder) => existsSync(join(folder, 'short_meta.json')))
}
