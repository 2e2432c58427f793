import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'

/**
 * What a worker thread gets for an environment: where this process keeps compiled code, if anywhere, and nothing else.
 * The rest may hold secrets, and no thread needs it; without that folder a thread compiles its modules anew at each start.
 *
 * @returns the `env` of a `Worker`
 * @see https://nodejs.org/docs/latest-v24.x/api/module.html#module-compile-cache
 */
export function threadEnvironment(): NodeJS.ProcessEnv {
  // Node tells its own folder, one for each version, within the one that was chosen.
  const folder = getCompileCacheDir()
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) }
}
