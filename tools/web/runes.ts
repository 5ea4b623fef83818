/** For tests under Node of the page's `*.svelte.ts`: their runes are compiled as its build compiles them, against the runtime that browsers get. */
import { readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import { compileModule } from 'svelte/compiler'

/** From now on such a file can be imported, by `await import`: what is imported statically was loaded before. */
export function compileRunes(): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (!/^svelte(?=$|\/)/.test(specifier)) return next(specifier, context)
      return next(specifier, { ...context, conditions: [...context.conditions, 'browser'] })
    },
    load(url, context, next) {
      if (!url.endsWith('.svelte.ts')) return next(url, context)
      const filename = fileURLToPath(url)
      const source = stripTypeScriptTypes(readFileSync(filename, 'utf8'))
      const { js } = compileModule(source, { filename, generate: 'client' })
      return { format: 'module', source: js.code, shortCircuit: true }
    },
  })
}
