/**
 * The connection classes under one name, as Streamlit's users know them:
 * `import * as st from "mooring"` and then `class Pets extends st.connections.BaseConnection`.
 *
 * @module
 */
export { BaseConnection } from "./core/index.ts"
export { SQLConnection } from "./sql/index.ts"
