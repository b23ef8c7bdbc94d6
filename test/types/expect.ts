/** True only for types that are the same, `any` and `unknown` included. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only where both types are the same. */
export declare function same<A, B>(...differ: Equal<A, B> extends true ? [] : ["these types differ"]): void
