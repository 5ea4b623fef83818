/** Where a program begins that runs beside the main one: the source as it is, or what the build made of it.
 *  @param beside `import.meta.url` of whoever starts it
 *  @param path from there, without its ending: `./child` */
export function entryUrl(beside: string, path: string): URL {
  return new URL(`${path}.${beside.endsWith('.ts') ? 'ts' : 'js'}`, beside)
}
