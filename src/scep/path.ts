/** Where a request belongs: `profile` undefined means the default one. */
export interface ScepPath {
  /** Name as sent, percent-decoded; compared by the caller. */
  readonly profile: string | undefined
}

/**
 * Recognises the paths on which SCEP is answered, in any letter case. What follows a known path is ignored, since
 * clients append `/pkiclient.exe` to whatever URL they are given.
 *
 * @param path path of the request target, without query
 * @returns undefined when the path is none of SCEP's; `/certsrv/mscep_admin` is not
 * @see REQ-1 to 3
 */
export function matchScepPath(path: string): ScepPath | undefined {
  const [first, second] = path
    .split('/', 8)
    .filter((segment) => segment !== '')
    .map((segment) => segment.toLowerCase())
  const isNdes = first === 'certsrv' && second === 'mscep'
  const isClassic = first === 'cgi-bin' && second === 'pkiclient.exe'
  if (isNdes || isClassic) return { profile: undefined }
  if (first !== 'scep') return undefined
  if (second === undefined || second === 'pkiclient.exe') return { profile: undefined }
  return findProfile(path)
}

function findProfile(path: string): ScepPath | undefined {
  const segment = path.split('/', 8).filter((part) => part !== '')[1] ?? ''
  try {
    return { profile: decodeURIComponent(segment) }
  } catch {
    // Broken escapes name no profile: the caller answers 404 as for any unknown one.
    return undefined
  }
}
