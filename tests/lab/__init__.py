"""The lab: real servers for tests and the demo, started in temporary folders on free loopback ports.

    with Lab() as lab:
        source = lab.milvus("source")
        target = lab.milvus_lite("target")
        lab.start(source, target)
        cdc = lab.cdc_server("cdc", source)
        lab.start(cdc)
        cdc.client.create(target.uri)

Everything started here is stopped when the lab closes, when Python ends, and (by the kernel) when Python is killed.
"""
