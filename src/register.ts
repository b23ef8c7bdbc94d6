/**
 * Types of connections by name. Empty here: programs add to it, by hand or by a generated file.
 *
 * @example
 * declare module "mooring" {
 *   interface Register { connections: { pets: SQLConnection<PetsDB> } }
 * }
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be augmented.
export interface Register {}

/** The registered names and their classes. */
export type RegisteredConnections = Register extends { connections: infer Connections } ? Connections : object
