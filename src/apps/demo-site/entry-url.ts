/** Where a program of this folder begins that runs beside the main one: the source as it is, or what the build made of it.
 *  @param name of the file without its ending */
export function entryUrl(name: string): URL {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./${name}.${ending}`, import.meta.url)
}
