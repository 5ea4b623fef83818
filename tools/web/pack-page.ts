/** Packs the files of the built page beside them, so that no start of the server has to: `index.js.br` and `index.js.gz` beside `index.js`. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const TEXTS = new Set(['.html', '.js', '.css', '.svg'])

/** What would not be shorter is left out. */
export function packPage(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    if (!TEXTS.has(extname(name)) || !statSync(path).isFile()) continue
    const bytes = readFileSync(path)
    const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }
    const packed = { br: brotliCompressSync(bytes, { params }), gz: gzipSync(bytes, { level: 9 }) }
    for (const [ending, form] of Object.entries(packed))
      if (form.length < bytes.length) writeFileSync(`${path}.${ending}`, form)
  }
}
