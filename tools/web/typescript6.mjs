// svelte-check asks TypeScript's programming interface, which TypeScript 7 no longer has: to it, and to nothing else, TypeScript is version 6.
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    return next(specifier.replace(/^typescript(?=$|\/)/, 'typescript6'), context)
  },
})
