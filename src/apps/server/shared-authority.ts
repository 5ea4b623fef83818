/** Servers that share a store share an authority: whoever joined one of them is known to all. The keys stay in each server's own folder. */
import type { EpochMs } from '../../terms/units.ts'
import { parseFields, parseJson, parseList, parseText } from '../../terms/parse.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { UsageError } from '../usage-error.ts'
import type { Authority } from './authority.ts'

const SETTING = 'authorities'
const ROOTS_MAX = 100
const FINGERPRINT_LENGTH = 95

/** Writes down which authorities this server has, or refuses one that shares none with those that were here before. Throws a `UsageError`. */
export async function agreeOnAuthority(
  store: Pick<SiteStore, 'settings'>,
  authority: Pick<Authority, 'all'>,
  { at, folder }: { readonly at: EpochMs; readonly folder: string },
): Promise<void> {
  const ours = authority.all.map(({ x509 }) => x509.fingerprint256)
  for (;;) {
    const setting = await store.settings.get(SETTING)
    const known = setting === undefined ? [] : readRoots(setting.text)
    if (setting !== undefined && !ours.some((root) => known.includes(root))) {
      const remedy =
        'Another server was on this store before, with an authority that this folder does not hold: agents of one would not be known to the other. ' +
        'Copy its ca-*.json files here, or name another store.'
      throw new UsageError('--data', folder, remedy)
    }
    const all = [...new Set([...known, ...ours])].slice(-ROOTS_MAX)
    if (all.length === known.length) return
    const by = { who: 'server', at, expected: setting?.version ?? 0 }
    // Somebody else may have written meanwhile: then it is looked at again.
    if (await store.settings.set(SETTING, JSON.stringify({ roots: all }), by)) return
  }
}

function readRoots(text: string): readonly string[] {
  const { roots } = parseFields(parseJson(text, SETTING), SETTING)
  return parseList(roots, SETTING, ROOTS_MAX).map((root, i) => parseText(root, `${SETTING}[${i}]`, FINGERPRINT_LENGTH))
}
