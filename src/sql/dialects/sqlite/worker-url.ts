/** Where the program of the worker is: beside this file among the sources, beside the bundle in the package. */
export function workerUrl(): URL {
  // The name is a variable here, so that bundlers follow only the other one, which the published package has.
  const source = "./worker.ts"
  return import.meta.url.endsWith(".ts")
    ? new URL(source, import.meta.url)
    : new URL("./sqlite-worker.js", import.meta.url)
}
