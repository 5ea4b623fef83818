import { svelte, vitePreprocess } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// Vite asks for a default export.
// oxlint-disable-next-line import/no-default-export
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  // All components speak in runes: what Svelte keeps for those that don't is left out.
  plugins: [svelte({ compilerOptions: { runes: true }, preprocess: vitePreprocess({ script: false }) })],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    // What asks for what, for the table of sizes.
    manifest: true,
    target: 'es2024',
    // The page's Content-Security-Policy lets in files of this server, and no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
})
