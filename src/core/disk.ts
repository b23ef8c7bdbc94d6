import type { CacheStore } from "../cache/index.ts"

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
  const [{ DiskStore }, { defaultCacheFolder }] = await Promise.all([
    import("../cache/disk.ts"),
    import("../cache/private-folder.ts"),
  ])
  return new DiskStore({ folder: folder ?? defaultCacheFolder(project) })
}
