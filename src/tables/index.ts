export type { ExportOptions, SchemaSource, Tables } from "./byte-stream.ts"
export { Column } from "./column.ts"
export { concatTables } from "./concat.ts"
export { tableCost } from "./cost.ts"
export { csvStream } from "./csv.ts"
export { type ColumnTypes, tableFromColumns, tableFromRows } from "./from-rows.ts"
export { ipcStream } from "./ipc.ts"
export { toMarkdown } from "./markdown.ts"
export { ndjsonStream } from "./ndjson.ts"
export { type PreviewOptions, preview } from "./preview.ts"
export { isTable, Table } from "./table.ts"
export { escapeControls } from "./terminal.ts"
export { dehydrate, hydrate, type TableMessage } from "./transfer.ts"
export type { DataType, Field, Metadata, Schema } from "./types.ts"
export {
  extensionKey,
  extensionOf,
  field,
  fieldTypeName,
  integerExtension,
  jsonExtension,
  schema,
  typeName,
} from "./types.ts"
export { completeValues, defaultValues, type ValueOptions } from "./values.ts"
