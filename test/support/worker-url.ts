import { pathToFileURL } from "node:url"
import { builtFile } from "./built-file.ts"

/** In tests, for the function of the same name in the sources: see the set-up in `built-package.ts`. */
export function workerUrl(): URL {
  return pathToFileURL(builtFile("sqlite-worker.js"))
}
