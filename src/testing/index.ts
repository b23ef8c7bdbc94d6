/**
 * Tools for tests of programs that use Mooring.
 *
 * @module
 */
export { type FakeAnswer, type FakeSql, fakeSql } from "./fake-sql.ts"
export { type StandIn, withConnections } from "./with-connections.ts"
