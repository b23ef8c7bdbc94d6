/** What is shown of a connection. */
export interface Shown {
  readonly name: string
  readonly className: string
  /** Where the data is; absent where the class does not tell, and where the configuration cannot be used. */
  location(): string | undefined
  /** Where it is configured; absent where nothing is. */
  origin(): string | undefined
}

/** Name, class, place and origin. Never throws: an error would hide what was to be shown. */
export function shownAsJSON({ name, className, location, origin }: Shown): Record<string, string> {
  const shown: Record<string, string> = { name, class: className }
  const place = told(location)
  const source = told(origin)
  if (place !== undefined) shown.location = place
  if (source !== undefined) shown.configuredFrom = source
  return shown
}

/** The same in one line: `PetsConnection "pets" at localhost:5432, configured from .mooring/secrets.toml …`. */
export function shownAsText(shown: Readonly<Record<string, string>>): string {
  const { name, class: className, location, configuredFrom } = shown
  const place = location === undefined ? "" : ` at ${location}`
  const origin = configuredFrom === undefined ? "" : `, configured from ${configuredFrom}`
  return `${className} "${name}"${place}${origin}`
}

function told(tell: () => string | undefined): string | undefined {
  try {
    return tell()
  } catch {
    return undefined
  }
}
