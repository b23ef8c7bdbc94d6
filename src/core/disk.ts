import type { CacheStore } from "../cache/index.ts"
import { warnOnce } from "../util/warn.ts"

const stores = new Map<string, Promise<CacheStore>>()

/** The disk store of a folder, one per process; by default one for the project in the user's cache folder. */
export function diskStore(project: string, folder: string | undefined): Promise<CacheStore> {
  const key = folder ?? project
  let store = stores.get(key)
  // Loaded here: most programs keep nothing on disk.
  if (!store) stores.set(key, (store = open(project, folder)))
  return store
}

async function open(project: string, folder: string | undefined): Promise<CacheStore> {
  const [{ DiskStore }, { defaultCacheFolder }, { NoStore }] = await Promise.all([
    import("../cache/disk.ts"),
    import("../cache/private-folder.ts"),
    import("../cache/no-store.ts"),
  ])
  const place = folder ?? defaultCacheFolder(project)
  if (place !== undefined) return new DiskStore({ folder: place })
  warnOnce("no home folder", "This user has no home folder, so that no results are kept on disk. Set cache.directory.")
  return new NoStore("disk")
}
